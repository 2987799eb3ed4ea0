//! `docs/practice-account.md` tells the truth about tests: every row names tests that exist and a page of AWS's.
//!
//! Tests are named `module::function` (of `tests/it` or `src-tauri/core/policy`), `file.py::function` (of
//! `tests/acceptance`) or `scenarios/NAME`. Whether a test shows what its row says is for the reader.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{fs, path::Path};

fn read(path: &str) -> Option<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).ok()
}

fn exists(name: &str) -> bool {
    if let Some(scenario) = name.strip_prefix("scenarios/") {
        return read(&format!("tests/scenarios/{scenario}.json")).is_some();
    }
    let Some((file, function)) = name.split_once("::") else { return false };
    if Path::new(file).extension().is_some_and(|end| end == "py") {
        return read(&format!("tests/acceptance/{file}")).is_some_and(|text| text.contains(&format!("def {function}(")));
    }
    let modules = [format!("tests/it/{file}.rs"), format!("src-tauri/core/policy/{file}.rs")];
    modules.iter().filter_map(|path| read(path)).any(|text| text.contains(&format!("fn {function}(")))
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The cells of every row of the tables of behaviours.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let table = text.split_once("shown by |").unwrap().1;
    let lines = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| behaviour"));
    lines.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

#[test]
fn every_behaviour_names_a_page_and_tests_that_exist() {
    let text = read("docs/practice-account.md").unwrap();
    let rows = rows(&text);
    assert!(rows.len() > 40, "the tables were not found");
    for row in &rows {
        let [behaviour, _, page, tests] = row.as_slice() else { panic!("four cells: {row:?}") };
        assert!(page.contains("](https://docs.aws.amazon.com/"), "{behaviour}: a page of AWS");
        let names: Vec<_> = quoted(tests).collect();
        assert!(!names.is_empty(), "{behaviour}: no test");
        let missing: Vec<_> = names.into_iter().filter(|name| !exists(name)).collect();
        assert!(missing.is_empty(), "{behaviour}: {missing:?}");
    }
    let missing: Vec<_> = quoted(&text).filter(|name| name.starts_with("practice_") && name.contains("::") && !exists(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_scenario_is_named() {
    let text = read("docs/practice-account.md").unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|end| end == "json")) {
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(text.contains(&format!("`scenarios/{name}`")), "no row names the scenario {name}");
    }
}

#[test]
fn a_test_that_is_not_there_is_seen() {
    assert!(exists("practice_doc::a_test_that_is_not_there_is_seen") && exists("scenarios/mfa") && exists("test_scenarios.py::test_on_moto"));
    assert!(!exists("practice_doc::nobody_wrote_this") && !exists("scenarios/none") && !exists("test_scenarios.py::test_none") && !exists("words"));
}
