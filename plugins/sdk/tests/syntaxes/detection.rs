//! Which syntax a chat template shows.

use std::path::Path;

use super::*;

/// The template in the test data, and the syntax of its model.
const TEMPLATES: &[(&str, &str)] = &[
    ("Apertus-8B-Instruct", "apertus"),
    ("Apriel-1.6-15b-Thinker-fixed", "apriel"),
    ("Baichuan-M2", "hermes"),
    ("Bielik-11B-v3.0-Instruct", "hermes"),
    ("ByteDance-Seed-OSS", "seed-oss"),
    ("Cohere2MoE", "command-r7b"),
    ("CohereForAI-c4ai-command-r-plus-tool_use", "command-r"),
    ("CohereForAI-c4ai-command-r7b-12-2024-tool_use", "command-r7b"),
    ("GLM-4.6", "glm-4.5"),
    ("GLM-4.7-Flash", "glm-4.5"),
    ("GigaChat3-10B-A1.8B", "gigachat"),
    ("GigaChat3.1-10B-A1.8B", "gigachat"),
    ("HuggingFaceTB-SmolLM3-3B", "think"),
    ("Kimi-K2-Instruct", "kimi-k2"),
    ("Kimi-K2-Thinking", "kimi-k2"),
    ("Kimi-K3", "kimi-k3"),
    ("LFM2-8B-A1B", "lfm2"),
    ("LFM2.5-8B-A1B", "lfm2"),
    ("LFM2.5-Instruct", "lfm2"),
    ("MiMo-VL", "hermes"),
    ("MiniMax-M1", "minimax-m1"),
    ("MiniMax-M2", "minimax-m2"),
    ("MiniMax-M3", "minimax-m3"),
    ("Mistral-Small-3.2-24B-Instruct-2506", "mistral-args"),
    ("NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "qwen3-coder"),
    ("NVIDIA-Nemotron-Nano-v2", "nemotron"),
    ("NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use", "hermes"),
    ("NousResearch-Hermes-3-Llama-3.1-8B-tool_use", "hermes"),
    ("Qwen-QwQ-32B", "hermes"),
    ("Qwen-Qwen2.5-7B-Instruct", "hermes"),
    ("Qwen-Qwen3-0.6B", "hermes"),
    ("Qwen3-Coder", "qwen3-coder"),
    ("Qwen3.5-4B", "qwen3-coder"),
    ("Reka-Edge", "hermes"),
    ("StepFun3.5-Flash", "qwen3-coder"),
    ("deepseek-ai-DeepSeek-R1-Distill-Llama-8B", "deepseek-v3"),
    ("deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", "deepseek-v3"),
    ("deepseek-ai-DeepSeek-V3.1", "deepseek-v3.1"),
    ("deepseek-ai-DeepSeek-V3.2", "deepseek-v3.2"),
    ("deepseek-ai-DeepSeek-V4", "deepseek-v3.2"),
    ("deepseek-ai-DeepSeek-V4-Flash-0731", "deepseek-v3.2"),
    ("fireworks-ai-llama-3-firefunction-v2", "functools"),
    ("glm-5", "glm-4.5"),
    ("glm4-0414", "glm-4"),
    ("glm4-chat", "glm-4"),
    ("google-gemma-2-2b-it", "none"),
    ("google-gemma-4-31B-it", "gemma-4"),
    ("google-gemma-4-31B-it-interleaved", "gemma-4"),
    ("ibm-granite-granite-3.3-2B-Instruct", "granite"),
    ("ibm-granite-granite-4.0", "hermes"),
    ("ibm-granite-granite-4.1", "hermes"),
    ("llama-cpp-deepseek-r1", "deepseek-v3"),
    ("llama-cpp-rwkv-world", "think"),
    ("meetkai-functionary-medium-v3.1", "functionary-v3.1"),
    ("meetkai-functionary-medium-v3.2", "functionary-v3.2"),
    ("meta-llama-Llama-3.1-8B-Instruct", "llama-3"),
    ("meta-llama-Llama-3.2-3B-Instruct", "llama-3"),
    ("meta-llama-Llama-3.3-70B-Instruct", "llama-3"),
    ("microsoft-Phi-3.5-mini-instruct", "none"),
    ("mistralai-Ministral-3-14B-Reasoning-2512", "mistral-args"),
    ("mistralai-Mistral-Nemo-Instruct-2407", "mistral"),
    ("moonshotai-Kimi-K2", "kimi-k2"),
    ("muse-glimmer", "muse"),
    ("openai-gpt-oss-120b", "gpt-oss"),
    ("openbmb-MiniCPM5-1B", "minicpm-5"),
    ("poolside-Laguna-S-2.1", "glm-4.5"),
    ("poolside-Laguna-XS-2.1", "glm-4.5"),
    ("poolside-Laguna-XS.2", "glm-4.5"),
    ("tencent-Hy3", "hunyuan"),
    ("unsloth-Apriel-1.5", "apriel"),
    ("unsloth-mistral-Devstral-Small-2507", "mistral-args"),
    ("upstage-Solar-Open-100B", "solar"),
];

#[test]
fn templates() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/templates");
    let Ok(folder) = std::fs::read_dir(folder) else {
        eprintln!("skipped: there are no templates in ../shared/data beside the repository");
        return;
    };
    let mut found: Vec<_> = folder
        .map(|entry| {
            let path = entry.unwrap().path();
            let template = std::fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, Syntax::detect(&template).map_or("none", Syntax::name))
        })
        .collect();
    found.sort_unstable();
    let expect: Vec<_> =
        TEMPLATES.iter().map(|(name, syntax)| ((*name).to_owned(), *syntax)).collect();
    assert_eq!(found, expect);
}

#[test]
fn names() {
    for (name, syntax) in Syntax::NAMES {
        assert_eq!(Syntax::named(name), Some(*syntax));
        assert_eq!(syntax.name(), *name);
    }
    assert_eq!(Syntax::named("nothing"), None);
}
