//! LoRA adapters.

use std::io::Write;

use catalog::inspect_adapter;

use crate::writer::{Gguf, Item};

fn adapter() -> Gguf {
    Gguf::empty()
        .set("general.type", "adapter")
        .set("general.architecture", "llama")
        .set("adapter.type", "lora")
        .set("adapter.lora.alpha", Item::F32(16.0))
        .tensor("blk.0.attn_q.weight.lora_a", &[32, 4], 0, 512)
        .tensor("blk.0.attn_q.weight.lora_b", &[4, 32], 0, 512)
}

#[track_caller]
fn check(gguf: &Gguf, expect: Result<usize, &str>) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&gguf.build()).unwrap();
    match (inspect_adapter(file.path()), expect) {
        (Ok(adapter), Ok(pairs)) => assert_eq!(adapter.pairs(), pairs),
        (Err(error), Err(part)) => {
            let message = error.to_string();
            assert!(message.contains(part), "`{message}` lacks `{part}`");
        }
        (result, _) => panic!("{result:?}"),
    }
}

#[test]
fn adapters() {
    check(&adapter(), Ok(1));
    check(&Gguf::tiny(), Err("`general.type` is missing; it must be `adapter`"));
    check(&adapter().set("adapter.type", "control_vector"), Err("must be `lora`"));
    check(&adapter().set("general.architecture", "lama"), Err("none of the"));
    let nan = Item::F32(f32::NAN);
    check(&adapter().set("adapter.lora.alpha", nan), Err("is NaN; it must be a finite f32"));
    check(&adapter().last_tensor(|t| t.shape = vec![2, 64]), Err("is 2; it must be 4, the rank"));
    check(
        &adapter().with(|a| drop(a.tensors.pop())),
        Err("one half of the pair for `blk.0.attn_q"),
    );
    check(&adapter().with(|a| a.tensors.clear()), Err("the adapter changes nothing"));
    check(&adapter().tensor("output.weight", &[1], 0, 4), Err("must be `*.lora_a` or `*.lora_b`"));
    check(&adapter().tensor("blk.0.attn_norm.weight", &[1], 0, 4), Ok(1));
}
