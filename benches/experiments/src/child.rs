//! This program again, in another role: a process that is spoken to line by line.

use anyhow::{Context, Result, ensure};
use std::process::Stdio;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{ChildStdin, ChildStdout, Command},
};

/// A process in a role. It dies with the value.
pub(crate) struct Child {
    _process: tokio::process::Child,
    pub(crate) pid: u32,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Child {
    pub(crate) fn start(role: &str, args: &[String]) -> Result<Child> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("role").arg(role).args(args);
        Child::run(command)
    }

    fn run(mut command: Command) -> Result<Child> {
        command.kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        Ok(Child {
            pid: process.id().context("it has just been started")?,
            input: process.stdin.take().context("stdin is piped")?,
            output: BufReader::new(process.stdout.take().context("stdout is piped")?).lines(),
            _process: process,
        })
    }

    /// A server with so many worker threads, and its address.
    pub(crate) async fn server(threads: usize) -> Result<(Child, String)> {
        Child::server_with(threads, "none").await
    }

    /// The same with a limit of calls, see [`serve`](crate::server::serve).
    pub(crate) async fn server_with(threads: usize, limit: &str) -> Result<(Child, String)> {
        let mut child = Child::start("serve", &[threads.to_string(), limit.to_owned()])?;
        let address = child.line().await?;
        Ok((child, address))
    }

    /// A server of somebody else, which says its address too.
    pub(crate) async fn foreign(program: &str) -> Result<(Child, String)> {
        let mut child = Child::run(Command::new(program))?;
        let address = child.line().await?;
        Ok((child, address))
    }

    /// The next line that it prints.
    pub(crate) async fn line(&mut self) -> Result<String> {
        let line = self.output.next_line().await?;
        line.context("a child process has ended early")
    }

    /// Numbers from its next line.
    pub(crate) async fn numbers<const N: usize>(&mut self) -> Result<[f64; N]> {
        let line = self.line().await?;
        let numbers: Vec<f64> = line
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        ensure!(numbers.len() == N, "unexpected: {line}");
        Ok(std::array::from_fn(|i| numbers[i]))
    }

    /// Sends it a line, and takes the numbers that it answers.
    pub(crate) async fn ask<const N: usize>(&mut self) -> Result<[f64; N]> {
        self.input.write_all(b"\n").await?;
        self.numbers().await
    }
}
