//! Many connections driven by one thread, which takes as little as it can from the cores that it
//! shares with the host.

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::connection::whole;

/// When requests leave.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// As soon as a connection is free.
    Saturate,
    /// One after each of these.
    Every(Duration),
}

/// The connections of one load.
pub(crate) struct Driver<'a> {
    request: &'a [u8],
    lanes: Vec<Lane>,
    /// The lanes on which nothing is under way.
    free: Vec<usize>,
    /// Since when requests have been due that found no free lane.
    overdue: VecDeque<Instant>,
    times: Vec<Duration>,
}

/// One connection.
struct Lane {
    stream: TcpStream,
    answer: Vec<u8>,
    /// From when on the request under way counts; `None`: there is none.
    since: Option<Instant>,
}

impl<'a> Driver<'a> {
    pub(crate) fn open(
        address: SocketAddr,
        request: &'a [u8],
        connections: usize,
    ) -> anyhow::Result<Self> {
        let lanes = (0..connections).map(|_| Lane::open(address)).collect::<anyhow::Result<_>>()?;
        let free = (0..connections).collect();
        Ok(Self { request, lanes, free, overdue: VecDeque::new(), times: Vec::new() })
    }

    /// Runs the load; returns how long each request took, and all of them together.
    pub(crate) fn run(
        mut self,
        pace: Pace,
        time: Duration,
    ) -> anyhow::Result<(Vec<Duration>, Duration)> {
        let start = Instant::now();
        let mut due = start;
        loop {
            let now = Instant::now();
            let open = now < start + time;
            let next = match pace {
                Pace::Saturate if open => {
                    while let Some(lane) = self.free.pop() {
                        self.send(lane, Instant::now())?;
                    }
                    None
                }
                Pace::Every(gap) if open => {
                    while due <= Instant::now() {
                        match self.free.pop() {
                            Some(lane) => self.send(lane, Instant::now())?,
                            None => self.overdue.push_back(due),
                        }
                        due += gap;
                    }
                    Some(due)
                }
                _ => None,
            };
            if !open && self.free.len() == self.lanes.len() && self.overdue.is_empty() {
                return Ok((self.times, start.elapsed()));
            }
            self.receive(next.map(|due| due.saturating_duration_since(Instant::now())))?;
            while let Some(&since) = self.overdue.front()
                && let Some(lane) = self.free.pop()
            {
                self.overdue.pop_front();
                self.send(lane, since)?;
            }
        }
    }

    fn send(&mut self, lane: usize, since: Instant) -> anyhow::Result<()> {
        let lane = self.lanes.get_mut(lane).context("there is no such lane")?;
        lane.since = Some(since);
        // A request is far smaller than the socket's buffer, which is empty here.
        lane.stream.write_all(self.request).context("cannot send a request")
    }

    /// Waits for answers, at most for `patience`.
    fn receive(&mut self, patience: Option<Duration>) -> anyhow::Result<()> {
        let patience = patience.map(Timespec::try_from).transpose()?;
        let ready: Vec<bool> = {
            let watch = |lane: &'_ Lane| lane.since.map_or(PollFlags::empty(), |_| PollFlags::IN);
            let mut watched: Vec<_> =
                self.lanes.iter().map(|lane| PollFd::new(&lane.stream, watch(lane))).collect();
            poll(&mut watched, patience.as_ref()).context("cannot wait for answers")?;
            watched.iter().map(|lane| !lane.revents().is_empty()).collect()
        };
        for (at, lane) in self.lanes.iter_mut().enumerate() {
            if ready.get(at) == Some(&true)
                && let Some(took) = lane.read()?
            {
                self.times.push(took);
                self.free.push(at);
            }
        }
        Ok(())
    }
}

impl Lane {
    fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(16 << 10), since: None })
    }

    /// Reads what is there; returns how long the request took, once the answer is whole.
    fn read(&mut self) -> anyhow::Result<Option<Duration>> {
        let mut piece = [0; 16 << 10];
        match self.stream.read(&mut piece) {
            Ok(0) => bail!("the host closed the connection"),
            Ok(count) => self.answer.extend_from_slice(piece.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error).context("cannot read an answer"),
        }
        if whole(&self.answer)?.is_none() {
            return Ok(None);
        }
        self.answer.clear();
        Ok(self.since.take().map(|since| since.elapsed()))
    }
}
