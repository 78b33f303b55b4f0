//! Puts the wasm bundle that `cargo xtask site` made into the program: `$OUT_DIR/site.rs` lists its files. Without a
//! bundle the list is empty, and the pages work without JavaScript.

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_SSR").is_none() {
        // This is the bundle's own build.
        return Ok(());
    }
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/site");
    // It must exist, or cargo would find it changed at every build.
    fs::create_dir_all(&site)?;
    let site = site.canonicalize()?;
    println!("cargo::rerun-if-changed={}", site.display());
    let mut files: Vec<_> = fs::read_dir(&site)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.sort();
    let listed: String = files
        .iter()
        .filter_map(|file| Some((file.file_name()?.to_str()?, file.to_str()?)))
        .map(|(name, path)| format!("({name:?}, include_bytes!({path:?})),"))
        .collect();
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    fs::write(Path::new(&out).join("site.rs"), format!("&[{listed}]"))?;
    Ok(())
}
