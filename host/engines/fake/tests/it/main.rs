//! Engine and supervisor together: real processes, real sockets.

// The attribute tells clippy that helpers are tests as well.
#[cfg(test)]
mod common;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod life;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod orphans;
#[cfg(test)]
mod recordings;
#[cfg(test)]
mod replies;
#[cfg(test)]
mod retries;
