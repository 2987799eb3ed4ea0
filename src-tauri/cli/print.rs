//! Everything that reaches the terminal. Data to standard output, words to standard error.
//!
//! One place for colours, tables, errors with their hint, and prompts, so that no other file writes to a terminal by itself and
//! `NO_COLOR`, pipes and closed readers are thought of once.
use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

use stagedoor_core::error::{Code, Error, Result};
use zeroize::Zeroizing;

/// Whether a person looks at standard output.
pub(crate) fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Whether a person can be asked.
pub(crate) fn can_prompt() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Whether a person types on standard input: then a secret is read without showing it.
pub(crate) fn is_typed() -> bool {
    std::io::stdin().is_terminal()
}

/// Colours only for a person, and not for one who said no.
pub(crate) fn coloured() -> bool {
    std::io::stderr().is_terminal() && crate::env("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// One line says why, the next what to do.
pub(crate) fn error(error: &Error) -> ExitCode {
    let (red, quiet, off) = if coloured() { ("\x1b[31m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
    say(&format!("{red}error:{off} {}\n{quiet}hint:{off} {}", one_line(&error.message), one_line(&error.hint)));
    ExitCode::from(error.exit_code())
}

/// Like [`error`], for the tools that show one line of it: what happened and what to do, together.
pub(crate) fn error_in_one_line(error: &Error) -> ExitCode {
    say(&format!("error: {}. {}.", one_line(&error.message), one_line(error.hint.trim_end_matches('.'))));
    ExitCode::from(error.exit_code())
}

/// On one line, and without anything that a terminal obeys: the second lock on that door.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => line.push(' '),
            c if c.is_control() => line.extend(c.escape_unicode()),
            c => line.push(c),
        }
    }
    line
}

/// Like [`error`], for an argument that can be seen to be wrong before anybody is asked.
pub(crate) fn wrong_argument(wrong: &Error) -> ExitCode {
    error(wrong);
    ExitCode::from(2)
}

/// A sentence for a person. Where nobody can hear it, what is done is done all the same.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// What goes on now, for a person who watches: the next line takes its place. Empty takes it away.
pub(crate) fn passing(text: &str) {
    const WIDTH: usize = 78;
    let mut err = std::io::stderr().lock();
    if err.is_terminal() {
        let line: String = text.chars().take(WIDTH).collect();
        let _ = write!(err, "\r{:<WIDTH$}\r{line}", "").and_then(|()| err.flush());
    }
}

/// Data, with a line end. A reader that went away is no error.
pub(crate) fn data(text: &str) -> ExitCode {
    let mut out = std::io::stdout().lock();
    if text.ends_with('\n') {
        return written(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    }
    // Whole lines go out in one piece; an end that comes by itself would be a second call of the system. It may be a secret.
    let mut line = Zeroizing::new(String::with_capacity(text.len() + 1));
    line.push_str(text);
    line.push('\n');
    written(out.write_all(line.as_bytes()).and_then(|()| out.flush()))
}

/// One line of data that is one of many; whether its reader is still there.
pub(crate) fn line(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).is_ok()
}

/// One JSON document.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<ExitCode> {
    // Piece by piece: a list of 10,000 profiles is five megabytes.
    let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let done = match serde_json::to_writer_pretty(&mut out, value) {
        Ok(()) => out.write_all(b"\n").and_then(|()| out.flush()),
        Err(error) if error.is_io() => Err(error.into()),
        Err(_) => return Err(Error::new(Code::Agent, "The answer cannot be written as JSON", "Run it without --json")),
    };
    Ok(written(done))
}

fn written(done: std::io::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(why) => error(&Error::new(Code::File, format!("The answer could not be written: {why}"), "Look at where standard output leads to")),
    }
}

/// Columns, as wide as they must be.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> ExitCode {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).chain([head[column].chars().count()]).max().unwrap_or(0);
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<_> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.chars().count()))).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut text = line(head.to_vec());
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    data(&text)
}

/// Asks a person for a line that may be seen.
pub(crate) fn prompt(question: &str) -> Result<Zeroizing<String>> {
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(question.as_bytes()).and_then(|()| err.flush());
    drop(err);
    read_line()
}

/// Asks a person for a line that may not be seen.
pub(crate) fn prompt_secret(question: &str) -> Result<Zeroizing<String>> {
    rpassword::prompt_password(question).map(Zeroizing::new).map_err(|_| nothing_read())
}

/// A line of standard input, without its end.
pub(crate) fn read_line() -> Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::with_capacity(512));
    match std::io::stdin().read_line(&mut line) {
        Ok(count) if count > 0 => Ok(Zeroizing::new(line.trim_end_matches(['\n', '\r']).to_owned())),
        Ok(_) | Err(_) => Err(nothing_read()),
    }
}

fn nothing_read() -> Error {
    Error::new(Code::InvalidValue, "Nothing was typed", "Run the command again, or pipe the values in, a line each")
}

/// The help, on standard output because it was the answer.
pub(crate) fn help(command: &mut clap::Command) -> ExitCode {
    data(&command.render_help().to_string())
}

/// Completions for a shell.
pub(crate) fn completions(shell: clap_complete::Shell, command: &mut clap::Command) -> ExitCode {
    let mut text = Vec::new();
    clap_complete::generate(shell, command, "stagedoor", &mut text);
    data(&String::from_utf8_lossy(&text))
}

/// The manual page.
pub(crate) fn man(command: clap::Command) -> Result<ExitCode> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut text)
        .map_err(|error| Error::new(Code::File, format!("The manual page cannot be written: {error}"), "Try again"))?;
    Ok(data(&String::from_utf8_lossy(&text)))
}
