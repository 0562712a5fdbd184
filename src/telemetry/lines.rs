//! Writes lines to standard error on a separate thread, so that no request waits for the log. Lines that do not fit into
//! the queue, or cannot be written, are dropped and counted.

use super::metrics::log_line_dropped;
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};
use std::{
    collections::VecDeque,
    io::{self, Write},
    os::fd::AsFd,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// The maximum number of bytes of queued lines.
const MAX_QUEUED: usize = 1024 * 1024;
/// The time that the end of the process waits for queued lines.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The writer of the log, which queues lines for standard error.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines;

static QUEUE: Queue = Queue::new();

impl Write for Lines {
    /// Queues a complete line. Never fails, since `tracing` would report that on standard error.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if !(QUEUE.has_writer() && QUEUE.push(line)) {
            log_line_dropped();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits until all lines are written, at most one second.
pub(super) fn flush() {
    QUEUE.flush(FLUSH_TIMEOUT);
}

/// Lines that are not yet written.
#[derive(Debug)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    lines: VecDeque<Vec<u8>>,
    /// The bytes of these lines and of the one that is being written.
    bytes: usize,
    has_writer: bool,
}

impl Queue {
    const fn new() -> Self {
        let state = State { lines: VecDeque::new(), bytes: 0, has_writer: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the writing thread if it does not run yet. Returns false if it cannot be started now.
    fn has_writer(&'static self) -> bool {
        let mut state = self.state();
        if !state.has_writer {
            let writer = thread::Builder::new().name("log".to_owned());
            state.has_writer = writer.spawn(move || self.write_to(&mut io::stderr())).is_ok();
        }
        state.has_writer
    }

    /// Adds a line. Returns false if there is no room for it.
    fn push(&self, line: &[u8]) -> bool {
        let mut state = self.state();
        let bytes = state.bytes.saturating_add(line.len());
        if bytes > MAX_QUEUED {
            return false;
        }
        state.bytes = bytes;
        state.lines.push_back(line.to_vec());
        drop(state);
        self.changed.notify_all();
        true
    }

    /// Writes queued lines forever.
    fn write_to(&self, to: &mut (impl Write + AsFd)) {
        let mut output = Output { to, torn: false };
        loop {
            let line = self.next();
            if output.write_line(&line).is_err() {
                log_line_dropped();
            }
            self.written(line.len());
        }
    }

    fn next(&self) -> Vec<u8> {
        let mut state = self.state();
        loop {
            match state.lines.pop_front() {
                Some(line) => return line,
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn written(&self, bytes: usize) {
        let mut state = self.state();
        state.bytes = state.bytes.saturating_sub(bytes);
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until all lines are written. Returns false if that takes longer.
    fn flush(&self, timeout: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.state(), timeout, |state| state.bytes > 0);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

/// The output of the lines.
struct Output<'to, W> {
    to: &'to mut W,
    /// Whether the last line was written in part.
    torn: bool,
}

impl<W: Write + AsFd> Output<'_, W> {
    fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        if self.torn {
            self.write(b"\n")?;
        }
        self.write(line)
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.to.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = bytes.get(written..).unwrap_or_default();
                    self.torn = !bytes.is_empty();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Another process that shares standard error has made it non-blocking.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.await_room()?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn await_room(&self) -> io::Result<()> {
        match poll(&mut [PollFd::new(&self.to, PollFlags::OUT)], None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Read as _, os::fd::BorrowedFd};

    /// A writer that fails after a number of bytes.
    struct Full(Vec<u8>, usize, io::PipeWriter);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.1 - self.0.len());
            self.0.extend_from_slice(&bytes[..taken]);
            if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl AsFd for Full {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.2.as_fd()
        }
    }

    /// F-08
    #[test]
    fn torn_line_is_ended_before_the_next() {
        let (_reader, writer) = io::pipe().expect("a pipe");
        let mut to = Full(Vec::new(), 6, writer);
        let mut output = Output { to: &mut to, torn: false };
        assert!(output.write_line(b"one\n").is_ok());
        assert!(output.write_line(b"two\n").is_err());
        assert!(output.write_line(b"three\n").is_err());
        output.to.1 = 100;
        assert!(output.write_line(b"four\n").is_ok());
        assert_eq!(String::from_utf8(to.0).expect("a text"), "one\ntw\nfour\n");
    }

    /// F-08
    #[test]
    fn queue_of_lines_is_bounded_in_bytes_and_written_in_order() {
        static QUEUE: Queue = Queue::new();
        let line = |number: usize| format!("{number:01023}\n");
        let queued = (0..1_000_000).take_while(|number| QUEUE.push(line(*number).as_bytes())).count();
        assert_eq!(queued, MAX_QUEUED / 1024);
        assert!(!QUEUE.flush(Duration::from_millis(1)), "nothing writes yet");
        let (mut reader, mut writer) = io::pipe().expect("a pipe");
        thread::spawn(move || QUEUE.write_to(&mut writer));
        let mut written = vec![0; MAX_QUEUED];
        reader.read_exact(&mut written).expect("all lines");
        assert!(QUEUE.flush(Duration::from_mins(1)));
        let expected: String = (0..queued).map(line).collect();
        assert!(written == expected.as_bytes());
        assert!(QUEUE.push(b"there is room again"));
    }

    /// F-08
    #[test]
    fn non_blocking_output_is_waited_for() {
        let (mut reader, mut writer) = io::pipe().expect("a pipe");
        rustix::io::ioctl_fionbio(&writer, true).expect("a pipe");
        let line = vec![b'x'; 1024 * 1024];
        let expected = line.clone();
        let writing = thread::spawn(move || Output { to: &mut writer, torn: false }.write_line(&line));
        let mut read = Vec::new();
        reader.read_to_end(&mut read).expect("bytes");
        assert!(writing.join().expect("no panic").is_ok() && read == expected);
    }
}
