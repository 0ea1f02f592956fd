//! One broken file for each rule; many of them ended an engine, or worse, elsewhere.

use crate::{
    check_message, inspect,
    writer::{Gguf, Item},
};

#[track_caller]
fn check(gguf: &Gguf, expect: &str) {
    check_message(inspect(&gguf.build()), expect);
}

/// An array's head: element type and length, with no elements behind it.
fn array_head(element: u32, length: u64) -> Item {
    let mut bytes = element.to_le_bytes().to_vec();
    bytes.extend(length.to_le_bytes());
    Item::Raw(9, bytes)
}

fn tokens(change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Gguf {
    Gguf::tiny().with(|file| {
        for (key, item) in &mut file.keys {
            if key == b"tokenizer.ggml.tokens"
                && let Item::Texts(texts) = item
            {
                return change(texts);
            }
        }
    })
}

fn byte_pair(merges: &[&str]) -> Gguf {
    let merges = merges.iter().map(|merge| merge.as_bytes().to_vec()).collect();
    Gguf::tiny()
        .set("tokenizer.ggml.model", "gpt2")
        .set("tokenizer.ggml.merges", Item::Texts(merges))
}

#[test]
fn the_tiny_model_itself_is_valid() {
    inspect(&Gguf::tiny().build()).unwrap();
    inspect(&Gguf::tiny().with(|file| file.version = 2).build()).unwrap();
    inspect(&byte_pair(&["a b", "  a"]).build()).unwrap();
}

#[test]
fn versions() {
    check(&Gguf::tiny().with(|file| file.version = 1), "version is too old: convert the model");
    check(&Gguf::tiny().with(|file| file.version = 0), "0 was never a version");
    check(&Gguf::tiny().with(|file| file.version = 4), "the version is 4: versions 2 and 3");
    let turned = 3_u32.swap_bytes();
    check(&Gguf::tiny().with(|file| file.version = turned), "is 3 in big endian: convert");
    check(&Gguf::tiny().with(|file| file.magic = *b"tjgg"), "ggjt");
}

#[test]
fn counts_that_lie() {
    let many = |n| Gguf::tiny().with(|file| file.key_count = Some(n));
    check(&many(u64::MAX), "metadata keys is 18446744073709551615, the limit is 65536");
    check(&many(65_537), "the limit is 65536");
    let none = Gguf::empty().with(|file| file.key_count = Some(65_536));
    check(&none, "cut short: the length of key 0 needs 8 bytes where 0 are left");
    let many = |n| Gguf::tiny().with(|file| file.tensor_count = Some(n));
    check(&many(1 << 60), "the number of tensors is 1152921504606846976, the limit is 65536");
    let none = Gguf::empty().with(|file| file.tensor_count = Some(1));
    check(&none, "cut short: the length of the name of tensor 0 needs 8 bytes where 0 are left");
}

#[test]
fn strings_and_arrays_that_lie() {
    let text = |length: u64| Item::Raw(8, length.to_le_bytes().to_vec());
    check(&Gguf::empty().push(b"a", text(u64::MAX)), "the length of `a` is 18446744073709551615");
    check(&Gguf::empty().push(b"a", text((16 << 20) + 1)), "the limit is 16777216");
    check(&Gguf::empty().push(b"a", text(16 << 20)), "`a` needs 16777216 bytes where 0 are left");
    let array = |element, length| Gguf::empty().push(b"a", array_head(element, length));
    check(&array(4, u64::MAX), "the length of `a` is 18446744073709551615, the limit is 4194304");
    check(&array(10, 4 << 20), "needs 33554432 bytes where 0 are left");
    check(&array(8, 4 << 20), "the length of `a[0]` needs 8 bytes");
    check(&array(9, 1), "the element type of `a` is array; it must be no array");
    check(&array(13, 1), "the element type of `a` is 13; it must be a type from 0 to 12");
    check(&Gguf::empty().push(b"a", Item::Raw(77, vec![])), "the type of `a` is 77");
    check(&Gguf::empty().push(b"a", Item::Raw(7, vec![2])), "`a` is 2; it must be 0 or 1");
}

#[test]
fn keys() {
    check(&Gguf::tiny().push(b"general.name", "again"), "`general.name` occurs twice");
    check(&Gguf::tiny().push(b"", 1), "it must be printable ASCII");
    check(&Gguf::tiny().push(b"a\nb", 1), "key 17 is `a\\nb`; it must be printable ASCII");
    check(&Gguf::tiny().push("ключ".as_bytes(), 1), "printable ASCII");
    check(&Gguf::tiny().push(&[0xFF; 4], 1), "printable ASCII");
    check(&Gguf::tiny().push(&[b'a'; 257], 1), "the length of key 17 is 257, the limit is 256");
}

#[test]
fn alignment() {
    let aligned = |item: Item| Gguf::tiny().set("general.alignment", item);
    check(&aligned(Item::U32(0)), "`general.alignment` is 0 (u32); it must be a power of two");
    check(&aligned(Item::U32(24)), "is 24 (u32)");
    check(&aligned(Item::U32(1 << 17)), "to 65536");
    check(
        &aligned(Item::U64(32)),
        "is 32 (u64); it must be a power of two from 32 to 65536, as u32",
    );
    // The engine maps the file and asserts that tensors begin where its vector units can read.
    for least in [1, 8, 16] {
        let mut narrow = aligned(Item::U32(least));
        narrow.alignment = least.into();
        check(&narrow, &format!("is {least} (u32); it must be a power of two from 32 to 65536"));
    }
}

#[test]
fn tensor_descriptions() {
    let last = |change: fn(&mut crate::writer::Tensor)| Gguf::tiny().last_tensor(change);
    check(
        &last(|t| t.name = b"token_embd.weight".into()),
        "tensor `token_embd.weight` occurs twice",
    );
    check(&last(|t| t.name = vec![b'a'; 64]), "the name of tensor 1 is 64, the limit is 63");
    check(&last(|t| t.name = vec![]), "must be printable text");
    check(&last(|t| t.name = vec![0xC3]), "must be UTF-8 text");
    check(&last(|t| t.name = b"a\0b".into()), "must be printable text");
    check(
        &last(|t| t.shape = vec![]),
        "dimensions of tensor `output_norm.weight` is 0; it must be",
    );
    check(&last(|t| t.shape = vec![1; 5]), "is 5; it must be from 1 to 4");
    check(&last(|t| t.shape = vec![0]), "is 0 in one dimension; it must be above 0");
    check(&last(|t| t.shape = vec![1 << 63, 2]), "is 9223372036854775808 in one dimension");
    check(&last(|t| t.shape = vec![1 << 32, 1 << 32, 1 << 32, 16]), "in one dimension");
    check(&last(|t| t.shape = vec![u64::MAX]), "in one dimension");
    check(&last(|t| t.kind = 4), "the type of tensor `output_norm.weight` is 4: no type");
    check(&last(|t| t.kind = 9), "no type of weights");
    check(&last(|t| t.kind = 31), "no type of weights");
    check(&last(|t| t.kind = u32::MAX), "is 4294967295: no type");
    check(
        &last(|t| (t.kind, t.shape) = (2, vec![33])),
        "is 33; it must be a multiple of 32, the block",
    );
    check(
        &last(|t| (t.kind, t.shape) = (12, vec![32])),
        "a multiple of 256, the block size of Q4_K",
    );
}

#[test]
fn tensor_types_that_the_engine_cannot_compute_with() {
    const NORM: &str = "the type of tensor `output_norm.weight` is";
    for (kind, name) in
        [(24, "I8"), (25, "I16"), (26, "I32"), (27, "I64"), (28, "F64"), (8, "Q8_0")]
    {
        let norm = Gguf::tiny().last_tensor(|t| t.kind = kind);
        check(&norm, &format!("{NORM} {name}; it must be F32, F16 or BF16, being a norm"));
    }
    let matrix = |kind, bytes| Gguf::tiny().tensor("output.weight", &[32, 4], kind, bytes);
    check(&matrix(26, 512), "`output.weight` is I32; it must be a type that matrices can have");
    check(&matrix(28, 1024), "`output.weight` is F64; it must be a type that");
    inspect(&matrix(30, 256).build()).unwrap();
    let table =
        |kind| Gguf::tiny().tensor("blk.0.ffn_gate_tid2eid.weight", &[32, 4], kind, 512).build();
    inspect(&table(26)).unwrap();
    check_message(inspect(&table(0)), "is F32; it must be I32, being a table of experts");
    let wide = Gguf::tiny().tensor("blk.0.attn_q_norm.weight", &[32, 4], 8, 136);
    check(&wide, "`blk.0.attn_q_norm.weight` is Q8_0; it must be F32");
    let bias = |kind, bytes| Gguf::tiny().tensor("blk.0.attn_q.bias", &[32], kind, bytes);
    check(&bias(8, 34), "`blk.0.attn_q.bias` is Q8_0; it must be F32, F16 or BF16");
    inspect(&bias(1, 64).build()).unwrap();
}

#[test]
fn tensor_places() {
    let last = |change: fn(&mut crate::writer::Tensor)| Gguf::tiny().last_tensor(change);
    check(&last(|t| t.offset = 513), "is 513; it must be a multiple of the alignment 32");
    check(&last(|t| t.offset = 480), "is 480; it must be 512, so that no tensors overlap");
    check(&last(|t| t.offset = 544), "is 544; it must be 512, so that no gap is left");
    check(&last(|t| t.offset = u64::MAX - 31), "so that no gap is left");
    check(
        &last(|t| t.bytes = 127),
        "tensor `output_norm.weight` needs 128 bytes where 127 are left",
    );
    check(&last(|t| t.shape = vec![1 << 40]), "needs 4398046511104 bytes");
    check(&Gguf::tiny().with(|file| file.tensors.clear()), "holds a vocabulary alone");
}

#[test]
fn kinds_of_files() {
    let kind = |name: &str| Gguf::tiny().set("general.type", name);
    check(&kind("adapter"), "`general.type` is `adapter`: it is a LoRA adapter");
    check(&kind("mmproj"), "projector");
    check(&kind("imatrix"), "statistics");
    check(&kind("surprise"), "only `model` can be served");
    inspect(&kind("model").build()).unwrap();
    check(&Gguf::tiny().set("general.type", 1), "the type of `general.type` is u32");
    check(
        &Gguf::tiny().set("split.count", Item::U16(3)),
        "`split.count` is 3: the file is one part",
    );
    inspect(&Gguf::tiny().set("split.count", Item::U16(1)).build()).unwrap();
}

#[test]
fn architectures() {
    let of = |name: &str| Gguf::tiny().set("general.architecture", name);
    check(
        &of("lama"),
        "`general.architecture` is `lama`: it is none of the 147 that the engine runs",
    );
    check(&of("clip"), "give the path of the language model itself");
    check(&of("eagle3"), "drafts tokens");
    check(&of("# The"), "none of the");
    check(&of("llama\0x"), "`llama\\0x`");
    check(&of(&"x".repeat(200)), "xxx...`");
    check(&Gguf::tiny().without("general.architecture"), "`general.architecture` is missing");
    check(&Gguf::tiny().set("general.architecture", 5), "is u32; it must be a string");
}

#[test]
fn numbers_of_the_network() {
    let set = |name: &str, item: Item| Gguf::tiny().set(&format!("llama.{name}"), item);
    let number = |name: &str, n| set(name, Item::U32(n));
    check(&number("block_count", 0), "`llama.block_count` is 0; it must be from 1 to 512");
    check(&number("block_count", 513), "is 513; it must be from 1 to 512");
    check(
        &set("block_count", Item::I32(1)),
        "the type of `llama.block_count` is i32; it must be a u32",
    );
    check(&Gguf::tiny().without("llama.block_count"), "`llama.block_count` is missing");
    check(&number("context_length", 0), "`llama.context_length` is 0");
    check(&number("context_length", 1 << 31), "is 2147483648; it must be from 1 to 2147483647");
    check(&number("embedding_length", 0), "`llama.embedding_length` is 0");
    check(
        &number("attention.head_count", 0),
        "`llama.attention.head_count` is 0; it must be above 0",
    );
    check(
        &number("attention.head_count", 3),
        "is 3; it must be a divisor of the embedding length 32",
    );
    check(&number("attention.head_count", u32::MAX), "from 0 to 4194304");
    check(&number("attention.head_count_kv", 3), "is 3; it must be a divisor of the 4 heads");
    check(&number("attention.head_count_kv", 0), "is 0; it must be above 0");
    check(&number("attention.key_length", 0), "is 0; it must be above 0");
    check(&number("attention.value_length", u32::MAX), "at most 4194304");
    check(&number("rope.dimension_count", 7), "is 7; it must be 8, the width of a head");
    check(&Gguf::tiny().without("llama.attention.head_count"), "head_count` is missing");
    let per_layer = |values| set("attention.head_count", Item::I32s(values));
    check(&per_layer(vec![4, 4]), "the length of `llama.attention.head_count` is 2; it must be 1");
    check(&per_layer(vec![-4]), "head_count[0]` is -4; it must be from 0");
    inspect(&per_layer(vec![4]).build()).unwrap();
    check(&set("feed_forward_length", Item::I32s(vec![1, 2])), "feed_forward_length` is 2");
    check(
        &set("rope.scaling.type", "spiral".into()),
        "is `spiral`; it must be one of none, linear",
    );
    check(&number("nextn_predict_layers", 2), "is 2; it must be at most 1");
}

#[test]
fn fractions_of_the_network() {
    const EPSILON: &str = "attention.layer_norm_rms_epsilon";
    let set = |name: &str, n| Gguf::tiny().set(&format!("llama.{name}"), Item::F32(n));
    // The engine asserted of this one at the first request.
    check(&set(EPSILON, f32::NAN), "rms_epsilon` is NaN; it must be from 0 to 1e12");
    check(&set(EPSILON, -1.0), "rms_epsilon` is -1; it must be from 0 to 1e12");
    check(&set(EPSILON, f32::INFINITY), "rms_epsilon` is inf");
    inspect(&set(EPSILON, 0.0).build()).unwrap();
    for name in ["rope.freq_base", "rope.freq_base_swa"] {
        for n in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            check(&set(name, n), &format!("`llama.{name}` is {n}; it must be above 0 and at most"));
        }
    }
    inspect(&set("rope.freq_base", 1e8).build()).unwrap();
    for name in ["rope.scaling.factor", "rope.scale_linear", "rope.scaling.attn_factor", "any"] {
        for n in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e38] {
            check(&set(name, n), &format!("`llama.{name}` is {n}; it must be from -1e12 to 1e12"));
        }
        inspect(&set(name, -0.5).build()).unwrap();
    }
    // What no network reads may be anything.
    inspect(&Gguf::tiny().set("other.value", Item::F32(f32::NAN)).build()).unwrap();
}

#[test]
fn experts() {
    let experts = |count, used: Option<u32>, groups, used_groups| {
        let file = Gguf::tiny()
            .set("llama.expert_count", count)
            .set("llama.expert_group_count", groups)
            .set("llama.expert_group_used_count", used_groups);
        used.map_or(file.clone(), |used| file.set("llama.expert_used_count", used))
    };
    inspect(&experts(8, Some(2), 0, 0).build()).unwrap();
    inspect(&experts(8, Some(2), 4, 2).build()).unwrap();
    check(&experts(1025, Some(2), 0, 0), "`llama.expert_count` is 1025; it must be at most 1024");
    check(&experts(8, Some(9), 0, 0), "is 9; it must be at most 8");
    check(&experts(0, Some(1), 0, 0), "is 1; it must be at most 0");
    check(&experts(8, None, 0, 0), "is 0; it must be from 1 to 8");
    check(&experts(8, Some(2), 8, 2), "is 8; it must be at most 7");
    check(&experts(8, Some(2), 3, 2), "is 3; it must be a divisor of 8");
    check(&experts(8, Some(2), 4, 4), "is 4; it must be at most 3");
    check(&experts(8, Some(2), 4, 0), "is 0; it must be from 1 to 3");
}

#[test]
fn vocabularies() {
    let set = |name: &str, item: Item| Gguf::tiny().set(&format!("tokenizer.ggml.{name}"), item);
    check(&set("model", "no_vocab".into()), "`tokenizer.ggml.model` is `no_vocab`: the engine's");
    check(&Gguf::tiny().without("tokenizer.ggml.model"), "`tokenizer.ggml.model` is missing");
    check(&Gguf::tiny().without("tokenizer.ggml.tokens"), "`tokenizer.ggml.tokens` is missing");
    check(&set("tokens", Item::Texts(vec![])), "is empty; it must be at least one token");
    check(&set("tokens", Item::I32s(vec![1])), "is i32; it must be string");
    check(&set("tokens", Item::U32(1)), "is u32; it must be an array");
    check(&set("scores", Item::F32s(vec![0.0])), "`tokenizer.ggml.scores` is 1; it must be 260");
    check(&set("scores", Item::U8s(vec![0; 260])), "is u8; it must be f32");
    check(&set("token_type", Item::I32s(vec![1; 259])), "is 259; it must be 260, the number of");
    check(
        &set("token_type", Item::I32s(vec![7; 260])),
        "token_type[0]` is 7; it must be from 0 to 6",
    );
    check(&set("token_type", Item::I32s(vec![-1; 260])), "is -1; it must be from 0 to 6");
    check(&set("token_type", Item::U32s(vec![1; 260])), "is u32; it must be i32");
    check(&set("bos_token_id", Item::U32(260)), "is 260; it must be below 260");
    check(&set("eos_token_id", Item::U32(u32::MAX)), "is 4294967295; it must be below 260");
    check(&set("eos_token_id", Item::I32(-1)), "is i32; it must be a u32");
    check(&set("unknown_token_id", Item::U32(999)), "is 999; it must be below 260");
    inspect(&set("padding_token_id", Item::U32(u32::MAX)).build()).unwrap();
}

#[test]
fn word_pieces() {
    let bert = |change: fn(&mut Vec<i32>)| {
        Gguf::tiny().set("tokenizer.ggml.model", "bert").with(|file| {
            for (key, item) in &mut file.keys {
                if key == b"tokenizer.ggml.token_type"
                    && let Item::I32s(types) = item
                {
                    change(types);
                }
            }
        })
    };
    // The engine ends its process where it is to turn such a token into its byte.
    check(&bert(|_| ()), "token_type[3]` is 6; it must be another type than 6: the tokenizer bert");
    inspect(&bert(|types| types.fill(1)).build()).unwrap();
    let few = |bos, separator, unknown| {
        let tokens = (0..10).map(|at| format!("word{at}").into_bytes()).collect();
        bert(|types| *types = vec![1; 10])
            .set("tokenizer.ggml.tokens", Item::Texts(tokens))
            .without("tokenizer.ggml.scores")
            .set("tokenizer.ggml.bos_token_id", bos)
            .set("tokenizer.ggml.seperator_token_id", separator)
            .set("tokenizer.ggml.unknown_token_id", unknown)
    };
    inspect(&few(1, 2, 3).build()).unwrap();
    let without = |id: &str| few(1, 2, 3).without(&format!("tokenizer.ggml.{id}_token_id"));
    check(&without("bos"), "`tokenizer.ggml.bos_token_id`, or a token 101, is missing");
    check(&without("seperator"), "seperator_token_id`, or a token 102, is missing");
    check(&without("unknown"), "unknown_token_id`, or a token 100, is missing");
    check(&few(1, 99, 3), "seperator_token_id`, or a token 102, is missing");
}

#[test]
fn token_texts() {
    // The byte number of `<0x-1>` once became an index in front of a table.
    check(&tokens(|t| t[3] = b"<0x-1>".into()), "tokens[3]` is `<0x-1>`; it must be `<0x` two hex");
    check(&tokens(|t| t[3] = b"<0".into()), "tokens[3]` is `<0`");
    check(&tokens(|t| t[3] = b"".into()), "tokens[3]` is ``");
    // The engine asserts that its two tables are equally long.
    check(
        &tokens(|t| t[1] = b"<unk>".into()),
        "the token `<unk>` (`tokenizer.ggml.tokens[1]`) occurs twice",
    );
    check(
        &tokens(|t| t[259] = b"<s>\0more".into()),
        "`<s>\\0more` (`tokenizer.ggml.tokens[259]`) occurs twice",
    );
    check(&tokens(|t| (t[0], t[2]) = (b"[EMPTY_2]".into(), b"".into())), "occurs twice");
    // Without a byte's token, a text that needs it ends the engine.
    let missing = tokens(|t| t[3 + 0xE2] = b"<0xe2>".into());
    check(&missing, "the byte token `<0xE2>` in `tokenizer.ggml.tokens` is missing");
    inspect(&tokens(|t| t[3 + 0xC0] = b"<0xc0>".into()).build()).unwrap();
    let plain = tokens(|t| (t[259], t[3 + 0x41]) = (b"A".into(), b"<0x4a>".into()));
    inspect(&plain.build()).unwrap();
}

#[test]
fn merges_and_charsmaps() {
    check(&byte_pair(&["a b", "ab"]), "merges[1]` is `ab`; it must be two texts with a space");
    check(&byte_pair(&[" b"]), "merges[0]` is ` b`");
    check(&byte_pair(&[""]), "merges[0]` is ``");
    let without = Gguf::tiny().set("tokenizer.ggml.model", "gpt2");
    check(&without, "`tokenizer.ggml.merges` is missing");
    inspect(&without.set("tokenizer.ggml.pre", "kimi-k2").build()).unwrap();
    let map = |bytes: &[u8]| {
        let file = Gguf::tiny().set("tokenizer.ggml.model", "t5");
        file.set("tokenizer.ggml.precompiled_charsmap", Item::U8s(bytes.into()))
    };
    inspect(&map(&[4, 0, 0, 0, 1, 2, 3, 4, 0]).build()).unwrap();
    check(&map(&[]), "is absent; it must be a multiple of 4 below the array's own 0 bytes");
    check(&map(&[4, 0, 0, 0, 1]), "is 4; it must be a multiple of 4 below");
    check(&map(&[0xFF; 8]), "is 4294967295");
}
