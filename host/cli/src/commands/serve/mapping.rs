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
use supervisor::RestartPolicy;
use telemetry::Recorder;

use crate::commands::plugin::compiler;

/// The engine of GGUF files, which is looked for where there are no models yet.
const DEFAULT_ENGINE: &str = "llama";

/// Every model, in the file's order.
pub(crate) fn definitions(settings: &Settings) -> Vec<ModelDefinition> {
    settings.models.iter().map(|model| definition(settings, model)).collect()
}

fn definition(settings: &Settings, model: &ModelSettings) -> ModelDefinition {
    let engine = model.engine.as_deref().unwrap_or_else(|| catalog::engine_for(&model.path));
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
        restart: RestartPolicy { max_crashes: model.max_crashes, ..RestartPolicy::default() },
        hang_after: model.hang_after,
        sampling: model.sampling.clone(),
        max_tokens: model.max_tokens,
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
        vad: model.vad.as_ref().map(|path| path.to_string_lossy().into_owned()),
        audio_seconds: model.audio_seconds,
        fit_audio_context: model.fit_audio_context,
    }
}

/// The engine's name as Xinference's clients know it.
fn public_name(engine: &str) -> &str {
    match engine {
        DEFAULT_ENGINE => "llama.cpp",
        "whisper" => "whisper.cpp",
        other => other,
    }
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
    let cache_dir = plugins.cache_dir.clone().or_else(user_cache);
    plugin_runtime::Options {
        dir: plugins.dir.clone(),
        compiler: cache_dir.as_deref().and_then(|dir| compiler(dir, &limits)),
        cache_dir,
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
        allowed_hosts: server.allowed_hosts.clone(),
        allowed_origins: match &server.cors {
            Cors::Local => gateway::Origins::Local,
            Cors::Any => gateway::Origins::Any,
            Cors::Only(origins) => gateway::Origins::Only(origins.clone()),
        },
        body_limit: usize::try_from(server.max_body).unwrap_or(usize::MAX),
        upload_limit: server.max_upload,
        max_requests: server.max_concurrent_requests as usize,
        max_connections: server.max_connections as usize,
        arrival_timeout: server.arrival_timeout,
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn read(text: &str) -> Settings {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("weights.gguf"), "GGUF").unwrap();
        config::from_str(text, &dir.path().join("models.toml")).unwrap()
    }

    #[test]
    fn a_server_s_keys_reach_the_gateway() {
        let settings = read(
            "[server]
            api-keys = ['sk-first-key']
            max-body = '1MB'
            max-upload = '2MB'
            arrival-timeout = '3s'
            max-concurrent-requests = 4
            max-connections = 5
            allowed-hosts = ['models.example.org']
            cors-origins = []",
        );
        let recorder = telemetry::install_recorder().unwrap();
        let options = gateway(&settings, settings.server.listen, recorder);
        assert_eq!(options.api_keys, ["sk-first-key"]);
        assert_eq!(options.body_limit, 1 << 20);
        assert_eq!(options.upload_limit, 2 << 20);
        assert_eq!(options.arrival_timeout, Duration::from_secs(3));
        assert_eq!(options.max_requests, 4);
        assert_eq!(options.max_connections, 5);
        assert_eq!(options.allowed_hosts, ["models.example.org"]);
        assert_eq!(options.allowed_origins, gateway::Origins::Only(Vec::new()));
    }

    #[test]
    fn the_file_decides_on_the_engine() {
        let dir = tempfile::tempdir().unwrap();
        let whisper = [&b"lmgg"[..], &51_865_u32.to_le_bytes(), &1_500_u32.to_le_bytes()].concat();
        std::fs::write(dir.path().join("weights.gguf"), "GGUF").unwrap();
        std::fs::write(dir.path().join("whisper.bin"), whisper).unwrap();
        let text = "[[model]]
            name = 'a'
            path = 'weights.gguf'
            [[model]]
            name = 'b'
            path = 'whisper.bin'
            [[model]]
            name = 'c'
            path = 'whisper.bin'
            engine = 'fake'";
        let settings = config::from_str(text, &dir.path().join("models.toml")).unwrap();
        let names: Vec<_> =
            definitions(&settings).into_iter().map(|model| model.engine.name).collect();
        assert_eq!(names, ["llama.cpp", "whisper.cpp", "fake"]);
    }

    #[test]
    fn a_model_s_keys_reach_its_worker() {
        let settings = read(
            "[[model]]
            name = 'a'
            path = 'weights.gguf'
            engine = 'fake'
            family = 'my-family'
            family-options = { style = 'v1' }
            reasoning = 'separate'
            context-length = 100
            max-tokens = 10
            parallel = 2
            kv-tokens = 300
            kv-type = 'q4_0'
            threads = 3
            gpu-layers = 4
            queue = 5
            replicas = 6
            hang-after = '7s'
            max-crashes = 8
            step-target = '9ms'
            mmap = false
            vad = 'weights.gguf'
            audio-seconds = 12
            audio-context = 'fit'
            sampling = { seed = 11 }",
        );
        let [model] = &definitions(&settings)[..] else { panic!("one model") };
        assert_eq!(model.engine.name, "fake");
        assert_eq!(model.family.as_deref(), Some("my-family"));
        assert_eq!(model.family_options, [("style".to_owned(), "v1".to_owned())]);
        assert_eq!(model.reasoning, ReasoningMode::Separate);
        assert_eq!(model.max_tokens, Some(10));
        assert_eq!(model.replicas, 6);
        assert_eq!(model.hang_after, Duration::from_secs(7));
        assert_eq!(model.restart.max_crashes, 8);
        assert_eq!(model.sampling.seed, Some(11));
        let expect = LoadSettings {
            context_length: 100,
            parallel: 2,
            kv_tokens: 300,
            kv_type: engine_protocol::KvType::Q4_0,
            threads: 3,
            gpu_layers: Some(4),
            queue: 5,
            step_target_ms: 9,
            mmap: false,
            lora: Vec::new(),
            vad: settings.models[0].vad.as_ref().map(|path| path.display().to_string()),
            audio_seconds: 12,
            fit_audio_context: true,
        };
        assert!(expect.vad.is_some());
        assert_eq!(model.settings, expect);
    }
}
