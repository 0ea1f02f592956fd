//! Hostile bytes: nothing panics, nothing takes memory for a claim, no part of a file passes for
//! the whole.

use proptest::prelude::*;

use crate::{
    inspect,
    writer::{Gguf, Item},
};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(inspect(&bytes).is_err());
    }

    #[test]
    fn arbitrary_bytes_behind_a_magic_are_refused(
        version in 2_u32..=3,
        tensors in 0_u64..5,
        keys in 0_u64..5,
        rest in prop::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(8), Just(9), any::<u8>()], 0..400),
    ) {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(version.to_le_bytes());
        bytes.extend(tensors.to_le_bytes());
        bytes.extend(keys.to_le_bytes());
        bytes.extend(rest);
        prop_assert!(inspect(&bytes).is_err());
    }

    #[test]
    fn changed_bytes_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = Gguf::tiny().build();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(file) = inspect(&bytes) {
            let card = file.card("x", None, &[]);
            prop_assert!(card.context_length > 0 && card.vocabulary_size > 0);
            prop_assert!(card.control_tokens.iter().all(|token| token.id < card.vocabulary_size));
            prop_assert!(file.weight_bytes() <= bytes.len() as u64);
        }
    }

    #[test]
    fn spliced_files_never_panic(
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        length in 1_usize..64,
    ) {
        let mut bytes = Gguf::tiny().build();
        let from = from.index(bytes.len() - length);
        let piece = bytes[from..from + length].to_vec();
        let to = to.index(bytes.len());
        bytes.splice(to..to, piece);
        let _ = inspect(&bytes);
    }
}

#[test]
fn every_beginning_of_a_file_is_refused() {
    let whole = Gguf::tiny().build();
    inspect(&whole).unwrap();
    for length in 0..whole.len() {
        assert!(inspect(&whole[..length]).is_err(), "the first {length} bytes passed");
    }
}

/// Each bit of the header once: a run of the same inputs every time, unlike a fuzzer's.
#[test]
fn every_flipped_bit_of_the_header_is_survived() {
    let whole = Gguf::tiny().set("general.languages", Item::Texts(vec![b"en".into()])).build();
    let header = whole.len() - 640;
    for place in 0..header {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << bit;
            let _ = inspect(&bytes);
        }
    }
}

/// The words that sit at the edges of every integer type, at every place of the header.
#[test]
fn every_word_of_the_header_at_its_edges_is_survived() {
    let whole = Gguf::tiny().build();
    let edges: [u64; 6] = [0, u64::MAX, i64::MAX as u64, 1 << 63, u64::from(u32::MAX), 1 << 31];
    for place in 0..whole.len() - 648 {
        for edge in edges {
            let mut bytes = whole.clone();
            bytes[place..place + 8].copy_from_slice(&edge.to_le_bytes());
            let _ = inspect(&bytes);
        }
    }
}

/// A file that claims four million strings and a header without end, and holds neither.
#[test]
fn a_sparse_file_is_refused_before_memory_is_taken() {
    struct Zeros;
    impl std::io::Read for Zeros {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            buffer.fill(0);
            Ok(buffer.len())
        }
    }
    let mut start = b"GGUF\x03\0\0\0".to_vec();
    start.extend(0_u64.to_le_bytes());
    start.extend(60_000_u64.to_le_bytes());
    let mut one = Vec::new();
    for at in 0..40_u32 {
        let key = format!("k{at}");
        one.extend((key.len() as u64).to_le_bytes());
        one.extend(key.as_bytes());
        one.extend(9_u32.to_le_bytes());
        one.extend(8_u32.to_le_bytes());
        one.extend((4_u64 << 20).to_le_bytes());
        one.extend(vec![0; 32 << 20]);
        if at == 8 {
            break;
        }
    }
    start.extend(one);
    let source = std::io::Read::chain(start.as_slice(), Zeros);
    let result = catalog::ModelFile::read(source, 1 << 50, "case.gguf".as_ref());
    crate::check_message(result, "the header's size in bytes");
}
