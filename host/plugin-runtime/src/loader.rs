//! From a file's bytes to a plugin that can be called.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::ahead::Ahead;
use crate::bindings::{self, Description, Family, TRACKS};
use crate::cache::Cache;
use crate::compiler::{Compiler, Failure};
use crate::engine::Shared;
use crate::log::Log;
use crate::sandbox::{Sandbox, State};
use crate::text::one_line;
use crate::{Limits, PluginError, description, wasi};

/// Characters of what the compiler or the linker has to say.
pub(crate) const CAUSE: usize = 512;

/// A plugin that can be called.
pub(crate) struct Plugin {
    pub(crate) description: Description,
    pub(crate) hash: blake3::Hash,
    pub(crate) loaded: SystemTime,
    pub(crate) family: Box<dyn Family>,
    /// The instances that have read their model already.
    pub(crate) ahead: Ahead,
    log: Arc<Log>,
    shared: &'static Shared,
    limits: Arc<Limits>,
}

impl Plugin {
    /// Room for one request.
    pub(crate) fn sandbox(&self) -> Sandbox {
        Sandbox::new(self.shared, self.limits.clone(), self.log.clone())
    }
}

/// Loads plugins under the same limits and with the same cache.
pub(crate) struct Loader {
    shared: &'static Shared,
    linker: Linker<State>,
    cache: Option<Cache>,
    compiler: Option<Compiler>,
    limits: Arc<Limits>,
}

/// What loading a plugin found out on its way, as far as it came.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
    pub(crate) compiled: Duration,
    pub(crate) described: Duration,
}

impl Loader {
    pub(crate) fn new(
        shared: &'static Shared,
        cache: Option<Cache>,
        compiler: Option<Compiler>,
        limits: Limits,
    ) -> Result<Self, PluginError> {
        let mut linker = Linker::new(&shared.engine);
        let link = |linker: &mut Linker<State>| {
            wasi::add_to_linker(linker)?;
            TRACKS.iter().try_for_each(|track| (track.link)(linker))
        };
        link(&mut linker).map_err(|e| PluginError::Engine(format!("{e:#}")))?;
        Ok(Self { shared, linker, cache, compiler, limits: Arc::new(limits) })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Loads the plugin in `bytes`; `file` stands for its name until it says its own.
    pub(crate) fn load(&self, file: &str, bytes: &[u8]) -> Result<Plugin, PluginError> {
        self.load_noting(file, bytes, &mut Findings::default())
    }

    /// Loads a plugin and notes what it finds, also where it fails.
    pub(crate) fn load_noting(
        &self,
        file: &str,
        bytes: &[u8],
        findings: &mut Findings,
    ) -> Result<Plugin, PluginError> {
        let hash = blake3::hash(bytes);
        let start = Instant::now();
        let component = self.component(bytes, &hash)?;
        findings.compiled = start.elapsed();
        self.plugin(file, &component, hash, findings)
    }

    /// Loads a plugin whose compiled form the cache has; `None` where it has not.
    pub(crate) fn load_compiled(
        &self,
        file: &str,
        bytes: &[u8],
    ) -> Result<Option<Plugin>, PluginError> {
        let hash = blake3::hash(bytes);
        let engine = &self.shared.engine;
        let component = self.cache.as_ref().and_then(|cache| cache.load(engine, &hash));
        let load = |component| self.plugin(file, &component, hash, &mut Findings::default());
        component.map(load).transpose()
    }

    /// Links a component and asks it what it is.
    fn plugin(
        &self,
        file: &str,
        component: &Component,
        hash: blake3::Hash,
        findings: &mut Findings,
    ) -> Result<Plugin, PluginError> {
        let family = self.link(component, findings)?;
        let mut plugin = Plugin {
            description: Description::default(),
            hash,
            loaded: SystemTime::now(),
            family,
            ahead: Ahead::default(),
            log: Arc::new(Log::new(file, "(not loaded)")),
            shared: self.shared,
            limits: self.limits.clone(),
        };
        let start = Instant::now();
        let description = plugin.family.describe(&mut plugin.sandbox())?;
        findings.described = start.elapsed();
        plugin.description = description::validate(&description)?;
        let Description { name, version, .. } = &plugin.description;
        plugin.log = Arc::new(Log::new(name, version));
        Ok(plugin)
    }

    /// The compiled component, from the cache where there is one.
    fn component(&self, bytes: &[u8], hash: &blake3::Hash) -> Result<Component, PluginError> {
        let engine = &self.shared.engine;
        let Some(cache) = &self.cache else { return compile(engine, bytes) };
        if let Some(component) = cache.load(engine, hash) {
            return Ok(component);
        }
        if let Some(compiler) = &self.compiler {
            match compiler.run(bytes) {
                Ok(()) => {}
                Err(Failure::Refused(cause)) => return Err(PluginError::NotAComponent(cause)),
                Err(broken) => tracing::warn!(%broken, "the host compiles by itself"),
            }
            // Another version's program would have compiled for itself alone.
            if let Some(component) = cache.load(engine, hash) {
                return Ok(component);
            }
        }
        let component = compile(engine, bytes)?;
        let code = component.serialize().map_err(|e| not_a_component(&e))?;
        match cache.store(hash, &code) {
            // The mapped file takes the place of the compiler's copy, which lies in memory whole.
            Ok(()) => Ok(cache.load(engine, hash).unwrap_or(component)),
            Err(error) => {
                tracing::warn!(%error, "the compile cache cannot be written");
                Ok(component)
            }
        }
    }

    /// Checks imports and exports by name, then links them by type.
    fn link(
        &self,
        component: &Component,
        findings: &mut Findings,
    ) -> Result<Box<dyn Family>, PluginError> {
        let engine = &self.shared.engine;
        let kind = component.component_type();
        findings.imports = kind.imports(engine).map(|(name, _)| name.to_owned()).collect();
        findings.exports = kind.exports(engine).map(|(name, _)| name.to_owned()).collect();
        let offered =
            |name: &str| wasi::offers(name) || TRACKS.iter().any(|track| (track.offers)(name));
        if let Some(name) = findings.imports.iter().find(|name| !offered(name)) {
            return Err(PluginError::ForeignImport { name: one_line(name, CAUSE) });
        }
        let Some(track) = bindings::track_of(findings.exports.iter().map(String::as_str)) else {
            let exports = findings.exports.iter().map(|name| one_line(name, CAUSE)).collect();
            return Err(PluginError::MissingExport { name: bindings::IDENTITY, exports });
        };
        let pre = self.linker.instantiate_pre(component).map_err(|e| not_a_component(&e))?;
        (track.find)(pre).map_err(|e| not_a_component(&e))
    }
}

/// A hostile file may find a fault of the compiler; it must not end the host.
fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component, PluginError> {
    match catch_unwind(AssertUnwindSafe(|| Component::from_binary(engine, bytes))) {
        Ok(compiled) => compiled.map_err(|e| not_a_component(&e)),
        Err(_) => Err(PluginError::NotAComponent("the compiler panicked on it".into())),
    }
}

/// The compiled form of a component, as the cache keeps it.
pub(crate) fn serialized(engine: &Engine, bytes: &[u8]) -> Result<Vec<u8>, PluginError> {
    compile(engine, bytes)?.serialize().map_err(|e| not_a_component(&e))
}

fn not_a_component(error: &wasmtime::Error) -> PluginError {
    PluginError::NotAComponent(one_line(&format!("{error:#}"), CAUSE))
}
