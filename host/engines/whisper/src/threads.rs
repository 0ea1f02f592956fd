//! How many threads to compute on.

use std::collections::HashSet;
use std::fs;

/// The number of physical cores that this process may use; a second thread on a core only waits
/// for the first one's arithmetic units.
pub(crate) fn physical_cores() -> u32 {
    let usable = std::thread::available_parallelism().map_or(1, usize::from);
    let physical = fs::read_to_string("/proc/cpuinfo").map_or(0, |text| cores(&text));
    let count = if physical == 0 { usable } else { usable.min(physical) };
    u32::try_from(count).unwrap_or(1).max(1)
}

/// Distinct pairs of package and core; 0 where the text does not say.
fn cores(cpuinfo: &str) -> usize {
    let mut cores = HashSet::new();
    for processor in cpuinfo.split("\n\n") {
        let field = |name: &str| {
            processor.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                (key.trim() == name).then(|| value.trim().to_owned())
            })
        };
        if let (Some(package), Some(core)) = (field("physical id"), field("core id")) {
            cores.insert((package, core));
        }
    }
    cores.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_one_core_count_once() {
        let text = "processor: 0\nphysical id\t: 0\ncore id : 0\n\nprocessor: 1\nphysical id : 0\n\
                    core id: 0\n\nprocessor: 2\nphysical id : 0\ncore id: 1\n";
        assert_eq!(cores(text), 2);
        assert_eq!(cores("nothing"), 0);
        assert!(physical_cores() >= 1);
    }
}
