//! A disk that fills up under the database (P8), and one that can only be read. They need a small disk of their own, which
//! only root may mount: elsewhere the tests say loudly that they did not run.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use orderdock_tests::{
    erp::Behaviour,
    rig::{CONNECTION, Rig},
};

/// A disk of a few megabytes, unmounted when dropped.
struct Disk {
    path: PathBuf,
}

impl Disk {
    /// None, and a word about it, where nothing can be mounted.
    fn mount(path: PathBuf, megabytes: u32) -> Option<Self> {
        std::fs::create_dir_all(&path).unwrap();
        let size = format!("size={megabytes}m,mode=700");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path).output();
        match done {
            Ok(done) if done.status.success() => Some(Self { path }),
            Ok(done) => Self::not_run(String::from_utf8_lossy(&done.stderr).trim()),
            Err(error) => Self::not_run(&error.to_string()),
        }
    }

    #[expect(clippy::print_stderr, reason = "a test that can't be run has to say so")]
    fn not_run(why: &str) -> Option<Self> {
        eprintln!("NOT RUN: this test needs to mount a small disk of its own, which is not possible here: {why}");
        None
    }

    /// Writes until nothing fits any more.
    fn fill(&self) -> PathBuf {
        let path = self.path.join("filler");
        let mut file = File::create(&path).unwrap();
        for piece in [vec![1_u8; 64 << 10], vec![1_u8; 1 << 10], vec![1_u8]] {
            while file.write_all(&piece).is_ok() {}
        }
        path
    }

    fn remount(&self, how: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(&self.path).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}

async fn on_a_disk(megabytes: u32, reserve: &str) -> Option<(Rig, Disk)> {
    let rig = Rig::bare().await;
    let disk = Disk::mount(rig.data(), megabytes)?;
    rig.write("orderdock.toml", &format!("reserve = \"{reserve}\"\n{}", rig.host_file()));
    rig.add_plugin().await;
    rig.connect("").await;
    Some((rig, disk))
}

fn reserve(rig: &Rig) -> PathBuf {
    rig.data().join("orderdock.db.reserve")
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| found.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_taking_records_what_is_under_way_and_passes_by_itself() {
    let Some((mut rig, disk)) = on_a_disk(16, "2MiB").await else { return };
    rig.serve().await;
    let before = rig.place();
    rig.sync().await;
    rig.until_status(before, "In Progress").await;
    assert_eq!(size(&reserve(&rig)), 2 << 20);
    // In the ERP's hands while the disk fills up.
    let under_way = rig.place();
    rig.erp.once(&format!("WEB-{under_way}"), Behaviour::Slow { ms: 6_000 });
    rig.sync().await;
    rig.until("it is being sent", |rig| rig.sent(under_way) == 1).await;
    let filler = disk.fill();
    // What is recorded meanwhile meets the full disk: the answer, if nothing else does before.
    rig.until("the reserve is given up", |rig| !reserve(rig).exists()).await;
    rig.until_state(under_way, "delivered").await;
    rig.until_ready("says so", |ready| ready.to_string().contains("the disk under the database")).await;
    assert_eq!(rig.http("GET", "/readyz", None, "").await.0, 503);
    // Nothing new is taken, and nothing is told to the shop that could not be recorded.
    let later = rig.place();
    rig.ask(&["order", "list"]).await;
    let asked = rig.shop.requests("evo GET /orders");
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
    assert_eq!((rig.shop.requests("evo GET /orders"), rig.sent(later)), (asked, 0), "no look, no send");
    assert_eq!(rig.accepted(under_way), 1);
    // There is space again: nobody has to do anything else.
    std::fs::remove_file(filler).unwrap();
    rig.until("the reserve is made anew", |rig| size(&reserve(rig)) == 2 << 20).await;
    rig.until_ready("is ready again", |ready| ready["ready"] == true).await;
    rig.until_status(later, "In Progress").await;
    rig.until_status(under_way, "In Progress").await;
    for id in [before, under_way, later] {
        assert_eq!((rig.accepted(id), rig.sent(id)), (1, 1), "order {id}");
    }
    assert!(rig.mail.mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_on_a_full_disk_it_goes_on_when_there_is_space() {
    let Some((mut rig, disk)) = on_a_disk(16, "2MiB").await else { return };
    rig.serve().await;
    let under_way = rig.place();
    rig.erp.once(&format!("WEB-{under_way}"), Behaviour::Slow { ms: 6_000 });
    rig.sync().await;
    rig.until("it is being sent", |rig| rig.sent(under_way) == 1).await;
    let filler = disk.fill();
    rig.until_state(under_way, "delivered").await;
    rig.kill().await;
    let mut more = File::options().append(true).open(&filler).unwrap();
    while more.write_all(&[1_u8; 512]).is_ok() {}
    drop(more);
    // A start says what is wrong, whether it can open the database or not.
    let said = rig.run(&["connection", "pause", CONNECTION]).await;
    assert!(said.code == 1 && said.all().contains("disk"), "{said:?}");
    std::fs::remove_file(filler).unwrap();
    rig.serve().await;
    rig.until_status(under_way, "In Progress").await;
    assert_eq!((rig.accepted(under_way), rig.sent(under_way)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_can_only_be_read_is_told() {
    let Some((mut rig, disk)) = on_a_disk(16, "1MiB").await else { return };
    let first = rig.place();
    rig.serve().await;
    rig.until_status(first, "In Progress").await;
    rig.stop().await;
    disk.remount("ro");
    for command in [vec!["serve"], vec!["connection", "pause", CONNECTION], vec!["check"]] {
        let said = rig.run(&command).await;
        let all = said.all().split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(said.code, 1, "{command:?}: {all}");
        let told = ["can only be read", "can't be opened", "Read-only file system"];
        assert!(all.contains("orderdock.db") && told.iter().any(|words| all.contains(words)), "{command:?}: {all}");
    }
    disk.remount("rw");
    let second = rig.place();
    rig.serve().await;
    rig.until_status(second, "In Progress").await;
    assert_eq!((rig.sent(first), rig.sent(second)), (1, 1));
}
