//! Writes lines to standard error without ever stopping the service: what cannot be written is dropped and counted.

use super::metrics::log_line_dropped;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    io::{self, Write},
    os::fd::AsFd,
    sync::{Mutex, PoisonError},
};

/// As much as a pipe takes at once if it takes anything.
const CHUNK: usize = 4096;
/// How long a reader that does not read is waited for. After that, lines are dropped until it reads again.
const TIMEOUT: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
const NO_TIME: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// Standard error as the log writes to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines;

/// What is known of the lines before.
#[derive(Debug, Clone, Copy)]
struct State {
    /// The last one could not be written because of its reader.
    stalled: bool,
    /// The last one is there in part.
    torn: bool,
}

static STATE: Mutex<State> = Mutex::new(State { stalled: false, torn: false });

impl Write for Lines {
    /// Takes a whole line, and never fails: a log that fails would be told so on standard error again.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stderr = io::stderr().lock();
        if state.write(line, &mut stderr).is_err() {
            log_line_dropped();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl State {
    fn write(&mut self, line: &[u8], to: &mut (impl Write + AsFd)) -> io::Result<()> {
        if self.torn {
            self.chunk(b"\n", to)?;
        }
        for chunk in line.chunks(CHUNK) {
            self.chunk(chunk, to)?;
            self.torn = true;
        }
        self.torn = false;
        Ok(())
    }

    fn chunk(&mut self, mut chunk: &[u8], to: &mut (impl Write + AsFd)) -> io::Result<()> {
        while !chunk.is_empty() {
            let timeout = if self.stalled { NO_TIME } else { TIMEOUT };
            self.stalled = poll(&mut [PollFd::new(&to, PollFlags::OUT)], Some(&timeout))? == 0;
            if self.stalled {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            match to.write(chunk) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    chunk = chunk.get(written..).unwrap_or_default();
                    self.torn = !chunk.is_empty();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Read as _, os::fd::BorrowedFd};

    /// Something that takes so many bytes, and then fails.
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

    const NEW: State = State { stalled: false, torn: false };

    /// F-08
    #[test]
    fn torn_line_is_ended_before_the_next() {
        let (_reader, writer) = io::pipe().expect("a pipe");
        let (mut state, mut to) = (NEW, Full(Vec::new(), 6, writer));
        assert!(state.write(b"one\n", &mut to).is_ok());
        assert!(state.write(b"two\n", &mut to).is_err());
        assert!(state.write(b"three\n", &mut to).is_err());
        to.1 = 100;
        assert!(state.write(b"four\n", &mut to).is_ok());
        assert_eq!(String::from_utf8(to.0).expect("a text"), "one\ntw\nfour\n");
    }

    /// F-08
    #[test]
    fn reader_that_does_not_read_is_waited_for_once() {
        let (mut reader, mut writer) = io::pipe().expect("a pipe");
        let (mut state, line) = (NEW, [b'x'; CHUNK]);
        let begun = std::time::Instant::now();
        let written = (0..1000).filter(|_| state.write(&line, &mut writer).is_ok()).count();
        assert!((1..1000).contains(&written) && state.stalled);
        assert!(begun.elapsed().as_secs() < 60, "it waited for each");
        reader.read_exact(&mut vec![0; written * CHUNK]).expect("bytes");
        assert!(state.write(&line, &mut writer).is_ok() && !state.stalled);
    }
}
