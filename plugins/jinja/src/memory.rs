//! Memory for an instance that lives for one request.
//!
//! Reading a template makes thousands of small pieces. They come off the end of the memory, and
//! what is freed is kept by its size for the next piece of that size. Pieces are never joined, as a
//! request is over before it would pay.
#![expect(
    unsafe_code,
    clippy::cast_ptr_alignment,
    reason = "an allocator hands out pointers; its pieces are aligned for an address"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;

/// The smallest piece, and what sizes are rounded to within a power of two.
const SMALLEST: usize = 16;
/// The largest piece that is kept by size; larger ones are the system's.
const LARGEST: usize = 1 << 15;
/// What is taken from the system at a time.
const CHUNK: usize = 1 << 18;
/// Four sizes for each power of two.
const CLASSES: usize = 4 * 12 + 1;

/// The allocator.
pub(crate) struct Memory(UnsafeCell<State>);

struct State {
    free: [*mut u8; CLASSES],
    next: usize,
    end: usize,
}

// SAFETY: a component has one thread.
unsafe impl Sync for Memory {}

impl Memory {
    pub(crate) const fn new() -> Self {
        Self(UnsafeCell::new(State { free: [ptr::null_mut(); CLASSES], next: 0, end: 0 }))
    }
}

/// The class of a size and the size of its pieces: four steps from one power of two to the next.
fn class(size: usize) -> (usize, usize) {
    let size = size.max(SMALLEST);
    let step = (size.ilog2().max(6) - 2).min(31);
    let rounded = (size + (1 << step) - 1) >> step;
    ((step as usize - 4) * 4 + rounded, rounded << step)
}

// SAFETY: pieces come from the system in chunks, do not overlap, and are reused once they are free.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > LARGEST || layout.align() > SMALLEST {
            // SAFETY: as the caller's.
            return unsafe { System.alloc(layout) };
        }
        // SAFETY: one thread, and nothing below calls back into the allocator.
        let state = unsafe { &mut *self.0.get() };
        let (class, size) = class(layout.size());
        let Some(head) = state.free.get_mut(class) else { return ptr::null_mut() };
        if !head.is_null() {
            let piece = *head;
            // SAFETY: a free piece begins with the address of the next one.
            *head = unsafe { piece.cast::<*mut u8>().read() };
            return piece;
        }
        if state.end - state.next < size {
            let Ok(chunk) = Layout::from_size_align(CHUNK, SMALLEST) else {
                return ptr::null_mut();
            };
            // SAFETY: the chunk has a size.
            let start = unsafe { System.alloc(chunk) };
            if start.is_null() {
                return start;
            }
            state.next = start as usize;
            state.end = state.next + CHUNK;
        }
        let piece = state.next;
        state.next += size;
        piece as *mut u8
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        if layout.size() > LARGEST || layout.align() > SMALLEST {
            // SAFETY: it came from the system.
            return unsafe { System.dealloc(piece, layout) };
        }
        // SAFETY: as in `alloc`.
        let state = unsafe { &mut *self.0.get() };
        if let Some(head) = state.free.get_mut(class(layout.size()).0) {
            // SAFETY: the piece is free and has room for an address.
            unsafe { piece.cast::<*mut u8>().write(*head) };
            *head = piece;
        }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let small = |size| size <= LARGEST && layout.align() <= SMALLEST;
        if small(layout.size()) && small(size) && class(layout.size()) == class(size) {
            return piece;
        }
        if !small(layout.size()) && !small(size) {
            // SAFETY: it came from the system, and stays there.
            return unsafe { System.realloc(piece, layout, size) };
        }
        // SAFETY: the new layout has the caller's alignment and size, and both pieces are apart.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                ptr::copy_nonoverlapping(piece, new, layout.size().min(size));
                self.dealloc(piece, layout);
            }
            new
        }
    }
}
