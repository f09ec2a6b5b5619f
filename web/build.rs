//! Embeds what lies in `dist`. It only looks: building the app is `make web`'s work, and a build without it needs no Node.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn Error>> {
    let dist = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("dist");
    // While the folder is not there, cargo looks for it at every build.
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=dist");
    let mut files = Vec::new();
    gather(&dist, &mut files)?;
    files.sort();

    let mut code = String::from("static EMBEDDED: &[Embedded] = &[\n");
    for file in files.iter().filter(|file| !is_packed(file)) {
        let path = file.strip_prefix(&dist)?.to_str().ok_or("the names of built files are UTF-8")?.replace('\\', "/");
        let packed = |ending: &str| {
            let packed = with_ending(file, ending);
            if packed.exists() { format!("Some({})", include(&packed)) } else { "None".to_owned() }
        };
        let tag = tag_of(&fs::read(file)?);
        let (brotli, gzip) = (packed("br"), packed("gz"));
        writeln!(code, "    Embedded {{ path: {path:?}, tag: \"{tag}\", content: {}, brotli: {brotli}, gzip: {gzip} }},", include(file))?;
    }
    code.push_str("];\n");
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("embedded.rs"), code)?;
    Ok(())
}

/// Returns the expression that holds a file's content.
fn include(file: &Path) -> String {
    format!("include_bytes!({:?})", file.to_string_lossy())
}

/// Lists the files of a folder and those below it; hidden ones are the build's own.
fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            gather(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn with_ending(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn is_packed(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "br" || ending == "gz")
}

/// The same as `answer::tag_of`, which a test holds against it.
fn tag_of(content: &[u8]) -> String {
    let hash = content.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
