//! Who uses how many cells of the KV cache.
//!
//! Sequences share cells, so lengths cannot be added up. The ledger gives every cell a number of
//! its own, unrelated to its place in llama.cpp's buffer, and counts its users.

/// A cell, by the ledger's number.
pub(crate) type Cell = u32;

/// Who holds a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A sequence that is being generated.
    Running,
    /// A finished one, kept for its prefix; it can be given up at any time.
    Retained,
}

#[derive(Clone, Copy, Debug, Default)]
struct Users {
    running: u16,
    retained: u16,
}

/// The users of every cell.
#[derive(Debug)]
pub(crate) struct Ledger {
    total: usize,
    users: Vec<Users>,
    free: Vec<Cell>,
    used: usize,
    pinned: usize,
}

impl Ledger {
    /// A ledger for so many cells.
    pub(crate) fn new(total: u32) -> Self {
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        Self { total, users: Vec::new(), free: Vec::new(), used: 0, pinned: 0 }
    }

    /// Cells in all.
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// Cells that somebody holds.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Cells that running sequences hold.
    pub(crate) fn pinned(&self) -> usize {
        self.pinned
    }

    /// Cells that nobody holds.
    pub(crate) fn free(&self) -> usize {
        self.total.saturating_sub(self.used)
    }

    /// Takes `count` unused cells for a running sequence. The caller has made sure that they are
    /// free; one too many would show in [`Ledger::free`] as none left.
    pub(crate) fn take(&mut self, count: usize, cells: &mut Vec<Cell>) {
        for _ in 0..count {
            let cell = self.free.pop().unwrap_or_else(|| {
                let cell = u32::try_from(self.users.len()).unwrap_or(u32::MAX);
                self.users.push(Users::default());
                cell
            });
            self.hold(&[cell], Holder::Running);
            cells.push(cell);
        }
    }

    /// Adds a holder to each cell.
    pub(crate) fn hold(&mut self, cells: &[Cell], holder: Holder) {
        for cell in cells {
            let Some(users) = slot(&mut self.users, *cell) else { continue };
            self.used += usize::from(users.running == 0 && users.retained == 0);
            match holder {
                Holder::Running => {
                    self.pinned += usize::from(users.running == 0);
                    users.running += 1;
                }
                Holder::Retained => users.retained += 1,
            }
        }
    }

    /// Takes a holder away from each cell; a cell without holders is free.
    pub(crate) fn release(&mut self, cells: &[Cell], holder: Holder) {
        for cell in cells {
            let Some(users) = slot(&mut self.users, *cell) else { continue };
            match holder {
                Holder::Running => {
                    self.pinned -= usize::from(users.running == 1);
                    users.running = users.running.saturating_sub(1);
                }
                Holder::Retained => users.retained = users.retained.saturating_sub(1),
            }
            if users.running == 0 && users.retained == 0 {
                self.used -= 1;
                self.free.push(*cell);
            }
        }
    }
}

fn slot(users: &mut [Users], cell: Cell) -> Option<&mut Users> {
    users.get_mut(usize::try_from(cell).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ledger: &Ledger, used: usize, pinned: usize) {
        assert_eq!((ledger.used(), ledger.pinned(), ledger.free()), (used, pinned, 10 - used));
    }

    #[test]
    fn shared_cells_count_once_and_are_free_with_their_last_holder() {
        let mut ledger = Ledger::new(10);
        let mut first = Vec::new();
        ledger.take(4, &mut first);
        check(&ledger, 4, 4);
        ledger.hold(&first[..3], Holder::Running);
        check(&ledger, 4, 4);
        ledger.hold(&first, Holder::Retained);
        ledger.release(&first, Holder::Running);
        check(&ledger, 4, 3);
        ledger.release(&first[..3], Holder::Running);
        check(&ledger, 4, 0);
        ledger.release(&first, Holder::Retained);
        check(&ledger, 0, 0);
        let mut second = Vec::new();
        ledger.take(10, &mut second);
        check(&ledger, 10, 10);
        second.sort_unstable();
        second.dedup();
        assert_eq!(second.len(), 10);
    }
}
