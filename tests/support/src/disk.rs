//! A disk that is soon full.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
};
use tempfile::TempDir;

/// A file system in memory, of so few megabytes that a test can fill it; it goes with this value.
#[derive(Debug)]
pub struct SmallDisk(TempDir);

impl SmallDisk {
    /// Returns an empty disk, which everybody may look into; nothing where this process may not mount one, which is said.
    ///
    /// # Panics
    /// If no temporary folder can be made.
    #[expect(clippy::print_stderr, reason = "what was not tried is said")]
    pub fn of(megabytes: u32) -> Option<Self> {
        // A server of another user lies in it.
        let folder = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir();
        let folder = folder.expect("a temporary folder can be made");
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: a small disk can be mounted by root alone; run this test as root");
            return None;
        }
        Some(Self(folder))
    }

    /// Returns its root.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Leaves no byte free.
    ///
    /// # Panics
    /// If not even an empty file can be made.
    pub fn fill(&self) {
        let mut file = File::create(self.path().join("filler")).expect("an empty file takes no room");
        for size in [1 << 20, 4096, 1] {
            let piece = vec![0; size];
            while file.write_all(&piece).is_ok() {}
        }
    }

    /// Gives back the room that [`SmallDisk::fill`] took.
    ///
    /// # Panics
    /// If it was not filled.
    pub fn make_room(&self) {
        fs::remove_file(self.path().join("filler")).expect("the disk was filled");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).output();
    }
}
