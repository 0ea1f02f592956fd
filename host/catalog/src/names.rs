//! What people call a model: its quantization and its size.

use crate::tensor::Tensor;

/// The name of a quantization: what the file says, else the type of most of its weights.
pub(crate) fn quantization(file_type: Option<u32>, tensors: &[Tensor]) -> &'static str {
    /// Set where llama.cpp itself guessed.
    const GUESSED: u32 = 1024;
    file_type
        .and_then(|given| file_type_name(given & !GUESSED))
        .unwrap_or_else(|| main_type(tensors))
}

/// The numbers of llama.cpp's `llama_ftype`.
fn file_type_name(number: u32) -> Option<&'static str> {
    Some(match number {
        0 => "F32",
        1 => "F16",
        2 => "Q4_0",
        3 => "Q4_1",
        7 => "Q8_0",
        8 => "Q5_0",
        9 => "Q5_1",
        10 => "Q2_K",
        11 => "Q3_K_S",
        12 => "Q3_K_M",
        13 => "Q3_K_L",
        14 => "Q4_K_S",
        15 => "Q4_K_M",
        16 => "Q5_K_S",
        17 => "Q5_K_M",
        18 => "Q6_K",
        19 => "IQ2_XXS",
        20 => "IQ2_XS",
        21 => "Q2_K_S",
        22 => "IQ3_XS",
        23 => "IQ3_XXS",
        24 => "IQ1_S",
        25 => "IQ4_NL",
        26 => "IQ3_S",
        27 => "IQ3_M",
        28 => "IQ2_S",
        29 => "IQ2_M",
        30 => "IQ4_XS",
        31 => "IQ1_M",
        32 => "BF16",
        36 => "TQ1_0",
        37 => "TQ2_0",
        38 => "MXFP4_MOE",
        39 => "NVFP4",
        40 => "Q1_0",
        41 => "Q2_0",
        _ => return None,
    })
}

/// The type that holds the most elements; a quantized one before the plain ones of its norms.
fn main_type(tensors: &[Tensor]) -> &'static str {
    let mut sums: Vec<(&'static str, bool, u64)> = Vec::new();
    for tensor in tensors {
        let name = tensor.stored.name;
        match sums.iter_mut().find(|(known, ..)| *known == name) {
            Some((.., sum)) => *sum = sum.saturating_add(tensor.elements),
            None => sums.push((name, tensor.stored.is_quantized(), tensor.elements)),
        }
    }
    let most = sums.into_iter().max_by_key(|&(_, quantized, sum)| (quantized, sum));
    most.map_or("none", |(name, ..)| name)
}

/// A size in billions of parameters in the form that Xinference's clients know: `7`, `0_5`, `1_8`.
///
/// What the file calls itself wins where the count bears it out, since people round as they like:
/// a 7.6 billion model is a "7B" to its makers.
pub(crate) fn size_in_billions(parameters: u64, labels: [Option<&str>; 2]) -> String {
    let billions = parameters as f64 / 1e9;
    let believable = |label: &f64| *label > 0.0 && (0.6..1.6).contains(&(billions / label));
    let label = labels.into_iter().flatten().find_map(|label| read_label(label, believable));
    let rounded = label.unwrap_or_else(|| round_as_people_do(billions));
    decimal(rounded).replace('.', "_")
}

/// Finds a size such as `7B`, `0.5b` or `260K` among the words of a name.
fn read_label(label: &str, believable: impl Fn(&f64) -> bool) -> Option<f64> {
    label.split(|c: char| !c.is_ascii_alphanumeric() && c != '.').find_map(|word| {
        let (number, unit) = word.split_at_checked(word.len().checked_sub(1)?)?;
        let scale = match unit {
            "T" | "t" => 1e3,
            "B" | "b" => 1.0,
            "M" | "m" => 1e-3,
            "K" | "k" => 1e-6,
            _ => return None,
        };
        let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let number = number.parse::<f64>().ok().filter(|_| plain)?;
        Some(number * scale).filter(&believable)
    })
}

fn round_as_people_do(billions: f64) -> f64 {
    let whole = billions.round();
    let near = |step: f64| (billions / step).round() * step;
    if billions >= 10.0 || (billions >= 4.0 && (billions - whole).abs() <= 0.3) {
        whole
    } else if billions >= 1.0 {
        near(0.1)
    } else if billions <= 0.0 {
        0.0
    } else {
        // One digit below a billion where that is exact to a twentieth, else two.
        let digits = 10_f64.powf(billions.log10().floor());
        let one = near(digits);
        if (one - billions).abs() / billions <= 0.05 { one } else { near(digits / 10.0) }
    }
}

/// At most eight decimals, without zeros at the end.
fn decimal(number: f64) -> String {
    let text = format!("{number:.8}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(parameters: u64, label: Option<&str>, expect: &str) {
        assert_eq!(size_in_billions(parameters, [label, None]), expect, "{parameters} {label:?}");
    }

    #[test]
    fn sizes_are_rounded_as_people_name_them() {
        check(6_738_415_616, None, "7");
        check(8_030_261_248, None, "8");
        check(13_015_864_320, None, "13");
        check(494_032_768, None, "0_5");
        check(6_243_584_000, None, "6");
        check(1_543_714_304, None, "1_5");
        check(3_085_938_688, None, "3_1");
        check(292_800, None, "0_0003");
        check(260_032, None, "0_00026");
        check(0, None, "0");
        check(70_553_706_496, None, "71");
    }

    #[test]
    fn a_label_wins_where_the_count_bears_it_out() {
        check(7_615_616_512, Some("7B"), "7");
        check(70_553_706_496, Some("70B"), "70");
        check(3_085_938_688, Some("Qwen2.5 3B Instruct"), "3");
        check(260_032, Some("stories260K"), "0_00026");
        check(260_032, Some("260K"), "0_00026");
        check(134_515_008, Some("135M"), "0_135");
        check(6_738_415_616, Some("1B"), "7");
        check(6_738_415_616, Some("B"), "7");
        check(6_738_415_616, Some("1e1B 模型"), "7");
        check(6_738_415_616, Some("+7B"), "7");
        check(46_702_792_704, Some("8x7B"), "47");
    }

    #[test]
    fn known_file_types() {
        assert_eq!(quantization(Some(15), &[]), "Q4_K_M");
        assert_eq!(quantization(Some(1024 + 2), &[]), "Q4_0");
        assert_eq!(quantization(Some(99), &[]), "none");
    }
}
