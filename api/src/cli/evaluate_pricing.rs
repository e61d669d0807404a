//! `evaluate pricing`: price policies on scenarios whose demand is known. The format is described in datasets/README.md.

use std::path::Path;

use innkeeper_pricing::night::{Evaluated, PoliciesPlot, Scenario, evaluate};
use serde_json::{Map, Value, json};

use super::evaluate::Args;
use super::table::table;
use super::{Failure, picture, progress};

/// What `--data` says for the scenarios inside the program.
const SHIPPED: &str = "shipped";

/// The scenarios of a file, of the `.toml` files of a folder, or those shipped.
pub(super) fn scenarios(data: &Path) -> Result<Vec<Scenario>, Failure> {
    if data.as_os_str() == SHIPPED && !data.exists() {
        return Ok(Scenario::shipped()?);
    }
    let named =
        |file: &Path, e: &dyn std::fmt::Display| -> Failure { format!("{}: {e}", file.display()).into() };
    let mut files = vec![data.to_path_buf()];
    if data.is_dir() {
        let listed = std::fs::read_dir(data).map_err(|e| named(data, &e))?;
        files = listed.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
        files.sort();
        if files.is_empty() {
            return Err(named(data, &"there is no .toml file in this folder"));
        }
    }
    let read = |file: &std::path::PathBuf| {
        let text = std::fs::read_to_string(file).map_err(|e| named(file, &e))?;
        Scenario::from_toml(&text).map_err(|e| named(file, &e))
    };
    files.iter().map(read).collect()
}

/// The figures of each scenario; of several, also the means over them.
pub(super) fn pricing(args: &Args) -> Result<Value, Failure> {
    let scenarios = scenarios(&args.data)?;
    let seeds: Vec<u64> = (1..=u64::from(args.seeds)).collect();
    let bar = progress::of_things((scenarios.len() * seeds.len()) as u64, "pasts");
    let mut found = Vec::new();
    for scenario in &scenarios {
        let evaluated = evaluate(scenario, &seeds, &|| bar.inc(1));
        found.push(evaluated.map_err(|e| format!("{}: {e}", scenario.name))?);
    }
    bar.finish_and_clear();
    if let Some(file) = &args.plot {
        picture::save(&PoliciesPlot::of(&found), file)?;
        eprintln!("{} is written", file.display());
    }
    match found.as_slice() {
        [one] => Ok(serde_json::to_value(one)?),
        _ => several(&found),
    }
}

fn several(found: &[Evaluated]) -> Result<Value, Failure> {
    let mut policies = Map::new();
    for name in found.iter().flat_map(|one| one.policies.keys()) {
        let of: Vec<_> = found.iter().filter_map(|one| one.policies.get(name)).collect();
        let mean = of.iter().map(|figures| figures.share_of_optimum).sum::<f64>() / of.len() as f64;
        let worst = of.iter().map(|figures| figures.worst_seed_share).fold(f64::INFINITY, f64::min);
        policies.insert((*name).to_owned(), json!({"share_of_optimum": mean, "worst_seed_share": worst}));
    }
    Ok(json!({
        "optimum": null,
        "policies": policies,
        "scenarios": serde_json::to_value(found)?,
        "reasons": ["several scenarios have no one optimum; each tells its own"],
    }))
}

/// The figures as a table.
pub(super) fn render(figures: &Value) -> String {
    let one = [figures.clone()];
    let scenarios = figures["scenarios"].as_array().map_or(one.as_slice(), Vec::as_slice);
    let share = |value: &Value| value.as_f64().map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"));
    let mut rows = Vec::new();
    for scenario in scenarios {
        let mut name = scenario["scenario"].as_str().unwrap_or_default().to_owned();
        let mut policies: Vec<_> = scenario["policies"].as_object().into_iter().flatten().collect();
        let worth = |of: &Value| of["share_of_optimum"].as_f64().unwrap_or_default();
        policies.sort_by(|(_, left), (_, right)| worth(right).total_cmp(&worth(left)));
        for (policy, of) in policies {
            rows.push(vec![
                std::mem::take(&mut name),
                policy.replace('_', " "),
                share(&of["share_of_optimum"]),
                share(&of["worst_seed_share"]),
                of["profit"].as_f64().map_or_else(String::new, |profit| format!("{profit:.2}")),
                of["words"].as_str().unwrap_or_default().to_owned(),
            ]);
        }
    }
    let header = ["scenario", "policy", "share of optimum", "worst seed", "profit", "what it does"];
    table(&header, &rows)
}
