//! Many connections driven by one thread, which takes as little as it can from the cores that it
//! shares with the host.

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    num::NonZeroU64,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use rustix::{
    event::{Timespec, epoll},
    fd::OwnedFd,
};

use crate::connection::whole;

/// How late a request may leave; every system wakes a thread a little late.
const LATE: Duration = Duration::from_micros(500);

/// When requests leave.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// As soon as a connection is free.
    Saturate,
    /// One after each of these.
    Every(Duration),
}

/// How a load went.
pub(crate) struct Taken {
    /// How long each request took.
    pub(crate) times: Vec<Duration>,
    /// Requests that the load itself was too late for.
    pub(crate) missed: u64,
    /// How long all of it took.
    pub(crate) lasted: Duration,
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
    /// Requests that never left, because this thread got no core at their time.
    missed: u64,
    /// Tells which lanes have something to read, by their number.
    ready: OwnedFd,
    events: Vec<epoll::Event>,
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
        let lanes: Vec<_> =
            (0..connections).map(|_| Lane::open(address)).collect::<anyhow::Result<_>>()?;
        let ready = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (at, lane) in (0..).zip(&lanes) {
            let data = epoll::EventData::new_u64(at);
            epoll::add(&ready, &lane.stream, data, epoll::EventFlags::IN)?;
        }
        let free = (0..connections).collect();
        let (overdue, times) = (VecDeque::new(), Vec::new());
        let events = Vec::with_capacity(connections);
        Ok(Self { request, lanes, free, overdue, times, missed: 0, ready, events })
    }

    /// Runs the load.
    pub(crate) fn run(mut self, pace: Pace, time: Duration) -> anyhow::Result<Taken> {
        // By default the system may wake this thread 50 microseconds late, to spare power.
        rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?;
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
                    self.skip(&mut due, gap);
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
                return Ok(Taken {
                    times: self.times,
                    missed: self.missed,
                    lasted: start.elapsed(),
                });
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

    /// Gives up the requests whose time has passed while this thread had no core.
    ///
    /// To send all of them at once would be another load than the one that was asked for.
    fn skip(&mut self, due: &mut Instant, gap: Duration) {
        let late = Instant::now().saturating_duration_since(*due);
        if late > LATE {
            let missed = (late.as_nanos() / gap.as_nanos().max(1)).try_into().unwrap_or(u32::MAX);
            self.missed += u64::from(missed);
            *due += gap * missed;
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
        self.events.clear();
        let events = rustix::buffer::spare_capacity(&mut self.events);
        epoll::wait(&self.ready, events, patience.as_ref()).context("cannot wait for answers")?;
        for event in &self.events {
            let at = usize::try_from(event.data.u64())?;
            if let Some(lane) = self.lanes.get_mut(at)
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
