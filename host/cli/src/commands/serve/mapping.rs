//! From what the configuration says to what each layer takes.

use std::{
    collections::BTreeSet,
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use config::{Cors, KvType, LogFormat, ModelSettings, Reasoning, Settings};
use engine_protocol::{LoadSettings, LoraAdapter};
use inference::{EngineProgram, ModelDefinition, ReasoningMode};
use telemetry::Recorder;

/// The engine that is looked for where there are no models yet.
const DEFAULT_ENGINE: &str = "llama";

/// Every model, in the file's order.
pub(crate) fn definitions(settings: &Settings) -> Vec<ModelDefinition> {
    settings.models.iter().map(|model| definition(settings, model)).collect()
}

fn definition(settings: &Settings, model: &ModelSettings) -> ModelDefinition {
    let engine = model.engine.as_str();
    let program = EngineProgram {
        name: public_name(engine).to_owned(),
        program: engine_program(settings.engines.dir.as_deref(), engine),
        args: Vec::new(),
        env: Vec::new(),
    };
    ModelDefinition {
        family: model.family.clone(),
        family_options: model.family_options.clone(),
        settings: load_settings(settings, model),
        replicas: model.replicas,
        sampling: model.sampling.clone(),
        reasoning: match model.reasoning {
            Reasoning::Content => ReasoningMode::Content,
            Reasoning::Separate => ReasoningMode::Separate,
        },
        description: model.description.clone(),
        ..ModelDefinition::new(model.name.clone(), &model.path, program)
    }
}

fn load_settings(settings: &Settings, model: &ModelSettings) -> LoadSettings {
    let adapter = |lora: &config::Lora| LoraAdapter {
        name: lora.name.to_string(),
        path: lora.path.to_string_lossy().into_owned(),
        scale: lora.scale,
    };
    LoadSettings {
        context_length: model.context_length.unwrap_or(0),
        parallel: model.parallel,
        kv_tokens: model.kv_tokens.unwrap_or(0),
        kv_type: match model.kv_type {
            KvType::F16 => engine_protocol::KvType::F16,
            KvType::Q8_0 => engine_protocol::KvType::Q8_0,
            KvType::Q4_0 => engine_protocol::KvType::Q4_0,
            KvType::F32 => engine_protocol::KvType::F32,
        },
        threads: model.threads.or(settings.engines.threads).unwrap_or(0),
        gpu_layers: model.gpu_layers,
        step_target_ms: u32::try_from(model.step_target.as_millis()).unwrap_or(u32::MAX),
        queue: model.queue,
        mmap: model.mmap,
        lora: model.lora.iter().map(adapter).collect(),
    }
}

/// The engine's name as Xinference's clients know it.
fn public_name(engine: &str) -> &str {
    if engine == DEFAULT_ENGINE { "llama.cpp" } else { engine }
}

/// The engine's executable: in the folder given, else beside this one.
fn engine_program(dir: Option<&Path>, engine: &str) -> PathBuf {
    let beside = || {
        let own = env::current_exe().and_then(|own| own.canonicalize()).ok();
        own.as_deref().and_then(Path::parent).map(Path::to_owned).unwrap_or_default()
    };
    let folder = dir.map_or_else(beside, Path::to_owned);
    folder.join(format!("engine-{engine}{}", env::consts::EXE_SUFFIX))
}

/// The engines that the models need; the usual one where there are no models yet.
pub(crate) fn engine_programs(settings: Option<&Settings>) -> BTreeSet<PathBuf> {
    let models = settings.map(definitions).unwrap_or_default();
    let mut programs: BTreeSet<PathBuf> =
        models.into_iter().map(|model| model.engine.program).collect();
    if programs.is_empty() {
        let dir = settings.and_then(|settings| settings.engines.dir.as_deref());
        programs.insert(engine_program(dir, DEFAULT_ENGINE));
    }
    programs
}

/// What the plugin runtime takes.
pub(crate) fn plugins(settings: &Settings) -> plugin_runtime::Options {
    let plugins = &settings.plugins;
    let limits = plugin_runtime::Limits {
        memory: usize::try_from(plugins.memory).unwrap_or(usize::MAX),
        render: plugins.render_time,
        parse: plugins.parse_time,
        ..plugin_runtime::Limits::default()
    };
    plugin_runtime::Options {
        dir: plugins.dir.clone(),
        cache_dir: plugins.cache_dir.clone().or_else(user_cache),
        limits,
    }
}

/// The folder for compiled plugins in the user's cache; `None` where the user has no home.
pub(crate) fn user_cache() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
    Some(cache.join("modelhost").join("plugins"))
}

/// What the gateway takes.
pub(crate) fn gateway(
    settings: &Settings,
    address: SocketAddr,
    recorder: Recorder,
) -> gateway::Options {
    let server = &settings.server;
    gateway::Options {
        api_keys: server.api_keys.iter().map(|key| key.secret().to_owned()).collect(),
        allowed_origins: match &server.cors {
            Cors::Any => Vec::new(),
            // To the gateway an empty list is every origin; this one can never be a page's.
            Cors::Only(origins) if origins.is_empty() => vec!["https://nobody.invalid".to_owned()],
            Cors::Only(origins) => origins.clone(),
        },
        body_limit: usize::try_from(server.max_body).unwrap_or(usize::MAX),
        max_requests: server.max_concurrent_requests as usize,
        recorder: Some(recorder),
        ..gateway::Options::new(address)
    }
}

/// What the logs take.
pub(crate) fn log_format(format: LogFormat) -> telemetry::LogFormat {
    match format {
        LogFormat::Text => telemetry::LogFormat::Text,
        LogFormat::Json => telemetry::LogFormat::Json,
    }
}
