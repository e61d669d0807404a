//! What becomes of the processes that PDFium runs in: files that never end, callers who leave, and ends from outside.
#![expect(clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "installed/mod.rs"]
mod installed;
#[path = "rendered/mod.rs"]
mod rendered;

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use innkeeper_core::DecodeLimits;
use innkeeper_ocr::{Document, OcrError, PdfError, PdfLimits, PdfWorker, Pdfium};
use innkeeper_runtime::{RuntimeError, Ticket};
use rendered::pdf::{self, Writer, Written};
use rustix::process::{Pid, Signal, kill_process};

/// Long enough that only a failure reaches it.
const PATIENT: Duration = Duration::from_mins(5);

/// A form that draws itself twice: PDFium never finishes it.
fn endless() -> Vec<u8> {
    let mut writer = Writer::default();
    let own = writer.next();
    let form = writer.stream(
        &format!(
            "/Type /XObject /Subtype /Form /BBox [0 0 200 200] /Resources << /XObject << /Fm {own} 0 R >> >>"
        ),
        b"/Fm Do /Fm Do",
    );
    let resources = format!("/XObject << /Fm {form} 0 R >>");
    pdf::file_of(writer, &[(b"/Fm Do".to_vec(), 200.0, 200.0)], &resources, "")
}

fn honest() -> Vec<u8> {
    pdf::text_page(&[Written { x: 40.0, top: 40.0, size: 12.0, text: "Underneath the mango trees" }], 0)
}

fn open(pdfium: &Pdfium, file: &[u8], time: Duration, ticket: &Ticket) -> Result<Document, OcrError> {
    let limits = PdfLimits { max_time: time, ..PdfLimits::default() };
    Document::open(file, &DecodeLimits::default(), Some(pdfium), &limits, ticket)
}

fn reads_the_next_file(pdfium: &Pdfium) {
    let next = open(pdfium, &honest(), PATIENT, &Ticket::unlimited()).expect("read");
    assert!(next.pages()[0].text().is_some());
}

/// The processes of ours that were started with this argument.
fn processes(name: &str) -> Vec<i32> {
    let all = fs::read_dir("/proc").expect("/proc").filter_map(|entry| {
        let id: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let line = fs::read(format!("/proc/{id}/cmdline")).ok()?;
        line.split(|byte| *byte == 0).any(|argument| argument == name.as_bytes()).then_some(id)
    });
    all.collect()
}

/// The one that waits for a file. A process that was just started shows its arguments a moment later.
fn only_process(name: &str) -> i32 {
    loop {
        match processes(name)[..] {
            [] => std::thread::sleep(Duration::from_millis(10)),
            [process] => return process,
            ref several => panic!("{several:?} run"),
        }
    }
}

/// Waits until a process has computed for longer than it takes to load the library.
fn wait_until_busy(process: i32) {
    loop {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
        let after_name = stat.rsplit(')').next().expect("a name");
        let ticks: u64 =
            after_name.split_whitespace().nth(11).and_then(|t| t.parse().ok()).expect("user time");
        if ticks > 50 {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn kill(process: i32) {
    kill_process(Pid::from_raw(process).expect("an id"), Signal::KILL).expect("killed");
}

#[test]
fn a_form_that_draws_itself_twice_costs_its_sender_the_time_and_nobody_else_anything() {
    let Some(pdfium) = installed::pdfium_named("endless") else { return };
    for _ in 0..2 {
        let process = only_process("endless");
        let late = open(&pdfium, &endless(), Duration::from_secs(1), &Ticket::unlimited());
        assert!(matches!(late, Err(OcrError::Pdf(PdfError::TooSlow { .. }))), "{late:?}");
        assert_ne!(only_process("endless"), process, "PDFium is still busy with the file");
        reads_the_next_file(&pdfium);
    }
    drop(pdfium);
    assert!(processes("endless").is_empty());
}

#[test]
fn a_file_nobody_waits_for_any_more_is_given_up() {
    let Some(pdfium) = installed::pdfium_named("cancelled") else { return };
    let process = only_process("cancelled");
    let (ticket, other) = (Ticket::unlimited(), Ticket::unlimited());
    let left = std::thread::scope(|scope| {
        let reading = scope.spawn(|| open(&pdfium, &endless(), PATIENT, &ticket));
        wait_until_busy(process);
        // One who waits for the first to be done leaves too.
        let waiting = scope.spawn(|| open(&pdfium, &honest(), PATIENT, &other));
        other.cancel();
        let left = waiting.join().expect("no panic");
        assert!(matches!(left, Err(OcrError::Runtime(RuntimeError::Cancelled))), "{left:?}");
        // And one is told that the place is taken.
        let busy = open(&pdfium, &honest(), Duration::from_millis(50), &Ticket::unlimited());
        assert!(matches!(busy, Err(OcrError::Pdf(PdfError::Busy))), "{busy:?}");
        ticket.cancel();
        reading.join().expect("no panic")
    });
    assert!(matches!(left, Err(OcrError::Runtime(RuntimeError::Cancelled))), "{left:?}");
    assert_ne!(only_process("cancelled"), process);
    let late = open(&pdfium, &endless(), PATIENT, &Ticket::within(Duration::from_millis(100)));
    assert!(matches!(late, Err(OcrError::Runtime(RuntimeError::DeadlineExceeded))), "{late:?}");
    reads_the_next_file(&pdfium);
}

#[test]
fn a_process_that_is_killed_loses_the_file_it_reads_and_no_other() {
    let Some(pdfium) = installed::pdfium_named("killed") else { return };
    let process = only_process("killed");
    let lost = std::thread::scope(|scope| {
        let reading = scope.spawn(|| open(&pdfium, &endless(), PATIENT, &Ticket::unlimited()));
        wait_until_busy(process);
        kill(process);
        reading.join().expect("no panic")
    });
    let Err(OcrError::Pdf(error @ PdfError::Broken { .. })) = lost else { panic!("{lost:?}") };
    assert!(error.to_string().contains("SIGKILL"), "{error}");
    reads_the_next_file(&pdfium);
    // One that waits for a file has none to lose.
    kill(only_process("killed"));
    while !processes("killed").is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    reads_the_next_file(&pdfium);
}

#[test]
fn a_file_that_never_ends_leaves_the_other_places_to_others() {
    let Some(library) = installed::pdf_library() else { return };
    let worker = PdfWorker { processes: 2, ..installed::pdf_worker("two") };
    let pdfium = Pdfium::load(&library, worker).expect("loaded");
    let ticket = Ticket::unlimited();
    std::thread::scope(|scope| {
        let process = only_process("two");
        let reading = scope.spawn(|| open(&pdfium, &endless(), PATIENT, &ticket));
        wait_until_busy(process);
        for _ in 0..3 {
            reads_the_next_file(&pdfium);
            assert!(processes("two").len() <= 2);
        }
        ticket.cancel();
        assert!(reading.join().expect("no panic").is_err());
    });
}

#[test]
fn the_process_ends_with_the_program_that_started_it_even_while_it_is_busy() {
    let Some(library) = installed::pdf_library() else { return };
    let worker = installed::pdf_worker("orphan");
    let mut child = Command::new(worker.program)
        .args(worker.arguments)
        .arg(library)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let file = endless();
    let request = serde_json::json!({ "limits": PdfLimits::default(), "bytes": file.len() }).to_string();
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(&u32::try_from(request.len()).expect("short").to_le_bytes()).expect("written");
    input.write_all(request.as_bytes()).expect("written");
    input.write_all(&file).expect("written");
    wait_until_busy(i32::try_from(child.id()).expect("an id"));
    // What is left of a program that was killed: closed pipes.
    drop(input);
    let mut said = Vec::new();
    child.stdout.take().expect("a pipe").read_to_end(&mut said).expect("ended");
    child.wait().expect("ended");
}

#[test]
fn the_process_knows_no_secrets_and_leaves_no_documents_behind() {
    let Some(_pdfium) = installed::pdfium_named("confined") else { return };
    let process = only_process("confined");
    let environment = fs::read_to_string(format!("/proc/{process}/environ")).expect("an environment");
    for variable in environment.split('\0').filter(|variable| !variable.is_empty()) {
        assert!(variable.starts_with("LD_LIBRARY_PATH="), "{variable}");
    }
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).expect("limits");
    let most = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).expect("a limit");
        line.split_whitespace().next().expect("a number").to_owned()
    };
    assert_eq!(most("Max core file size"), "0");
    assert_eq!(most("Max file size"), "0");
    assert_ne!(most("Max address space"), "unlimited");
}

#[test]
fn a_program_that_is_no_worker_is_told_at_once() {
    let Some(library) = installed::pdf_library() else { return };
    for program in ["/bin/true", "/bin/cat", "/nowhere/at-all"] {
        let worker = PdfWorker { program: program.into(), arguments: Vec::new(), processes: 1 };
        let loaded = Pdfium::load(&library, worker);
        assert!(matches!(loaded, Err(OcrError::Pdf(PdfError::Unloadable { .. }))), "{loaded:?}");
    }
}
