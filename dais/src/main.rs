//! The `dais` command: reads settings, starts services, wires them together. It decides nothing else.

mod args;
mod bench;
mod demo;
mod doctor;
mod http;
mod limits;
mod start;
mod token;
mod web;
mod wiring;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use telemetry::LogFormat;

use crate::args::{Cli, Command, Settings};
use crate::start::Services;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    // The children enter their sandbox before a thread or a runtime exists.
    if matches!(command, Command::MixerChild) {
        return mixer::child_main();
    }
    if matches!(command, Command::TransformChild) {
        return mts::child_main();
    }
    parent(command)
}

fn parent(command: Command) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error).context("no threads for the runtime")),
    };
    match runtime.block_on(run(command)) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Up(settings) => serve(&settings, Services::all()).await?,
        Command::Sfu(settings) => serve(&settings, Services::only_sfu()).await?,
        Command::Mixer(settings) => serve(&settings, Services::only_mixer()).await?,
        Command::Media(settings) => serve(&settings, Services::only_media()).await?,
        Command::ControlApi(settings) => serve(&settings, Services::only_control_api()).await?,
        Command::Demo(args) => {
            logs(&args.settings);
            demo::run(&args).await?;
        }
        Command::Doctor(settings) => {
            let well = doctor::run(&settings, &mut std::io::stdout()).await?;
            return Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Token(args) => token::print(&args, &mut std::io::stdout())?,
        Command::Bench(command) => bench::run(&command, &mut std::io::stdout()).await?,
        Command::MixerChild | Command::TransformChild => {}
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(settings: &Settings, services: Services) -> anyhow::Result<()> {
    logs(settings);
    let running = start::start(settings, services).await?;
    running.announce(&mut std::io::stdout()).context("cannot write to standard output")?;
    start::stop_signal().await;
    running.shutdown().await;
    Ok(())
}

fn logs(settings: &Settings) {
    let format = if settings.log_json { LogFormat::Json } else { LogFormat::Text };
    telemetry::log_to_stderr(&settings.log, format);
}

#[expect(clippy::print_stderr, reason = "the chain of a fatal error is printed once, here")]
fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("dais: {error:#}");
    ExitCode::FAILURE
}
