//! The processes of the story: started from this program, asked line by line, and killed when they are dropped.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use policy_store::Timestamp;

use crate::Result;
use crate::follower::Told;

/// The longest time of one step. A step takes far less; a busy machine needs more.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process.
pub struct Child {
    name: &'static str,
    process: std::process::Child,
    answers: Receiver<String>,
}

impl Child {
    /// Starts a role of this program.
    pub fn start(name: &'static str, arguments: &[&str], bucket: &Path, file: &Path) -> Result<Self> {
        let (role, more) = arguments.split_first().ok_or("a child needs a role")?;
        let mut process = Command::new(std::env::current_exe()?)
            .arg(role)
            .args([bucket, file])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().ok_or("a child has no output")?;
        let (sender, answers) = channel();
        // It ends with the output of the child.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(std::io::Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { name, process, answers })
    }

    /// Asks, and waits for the answer.
    pub fn ask(&mut self, line: &str) -> Result<String> {
        let input = self.process.stdin.as_mut().ok_or("a child has no input")?;
        writeln!(input, "{line}")?;
        input.flush()?;
        self.answers.recv_timeout(PATIENCE).map_err(|_| format!("{} gives no answer", self.name).into())
    }

    /// The state of a follower.
    pub fn told(&mut self) -> Result<Told> {
        Ok(serde_json::from_str(&self.ask("?")?)?)
    }

    /// Waits until a follower's state is as expected.
    pub fn until(&mut self, expected: &str, is_so: impl Fn(&Told) -> bool) -> Result<Told> {
        let begun = Timestamp::now();
        loop {
            let told = self.told()?;
            if is_so(&told) {
                return Ok(told);
            }
            if since(begun) > PATIENCE {
                let Told { berlin, poll, age, .. } = told;
                return Err(format!("{}: expected {expected}: {berlin}, {poll}, age {age:?}", self.name).into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills the process: on Unix by SIGKILL, so it does nothing more.
    pub fn kill(mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The time from a moment until now.
pub fn since(moment: Timestamp) -> Duration {
    Duration::from_micros(Timestamp::now().as_micros().abs_diff(moment.as_micros()))
}
