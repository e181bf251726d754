use std::path::Path;

const NO_SHARED_MEMORY: &str = "the log's index, which is shared memory, does not work between machines";
const NO_LOCKS: &str = "locks are not those of one machine, so that a second owner could come in";
const NO_FSYNC: &str = "what is said to be on disk may not be";

/// File systems that SQLite's log must not stand on, by the magic number of `statfs` (`linux/magic.h` and the file systems' own
/// sources), each with what fails there.
const KINDS: &[(u64, &str, &str)] = &[
    (0x6969, "nfs", NO_SHARED_MEMORY),
    (0x517b, "smb", NO_SHARED_MEMORY),
    (0xff53_4d42, "cifs", NO_SHARED_MEMORY),
    (0xfe53_4d42, "smb2", NO_SHARED_MEMORY),
    (0x5346_414f, "afs", NO_LOCKS),
    (0x6b41_4653, "kafs", NO_LOCKS),
    (0x7375_7245, "coda", NO_LOCKS),
    (0x564c, "ncp", NO_LOCKS),
    // Windows's drives under WSL, and folders that a virtual machine's host lends.
    (0x0102_1997, "9p", NO_SHARED_MEMORY),
    (0x786f_4256, "vboxsf", NO_SHARED_MEMORY),
    (0x00c3_6400, "ceph", NO_LOCKS),
    (0x0bd0_0bd0, "lustre", NO_LOCKS),
    (0x1983_0326, "beegfs", NO_LOCKS),
    (0x4750_4653, "gpfs", NO_LOCKS),
];

/// FUSE file systems that speak to another machine, as `/proc/self/mountinfo` names them.
const FUSE_KINDS: &[(&str, &str)] = &[
    ("fuse.sshfs", NO_LOCKS),
    ("fuse.glusterfs", NO_LOCKS),
    ("fuse.ceph-fuse", NO_LOCKS),
    ("fuse.moosefs", NO_LOCKS),
    ("fuse.mfs", NO_LOCKS),
    ("fuse.juicefs", NO_FSYNC),
    ("fuse.s3fs", NO_FSYNC),
    ("fuse.goofys", NO_FSYNC),
    ("fuse.mountpoint-s3", NO_FSYNC),
    ("fuse.geesefs", NO_FSYNC),
    ("fuse.gcsfuse", NO_FSYNC),
    ("fuse.blobfuse", NO_FSYNC),
    ("fuse.blobfuse2", NO_FSYNC),
    ("fuse.rclone", NO_FSYNC),
    ("fuse.davfs", NO_FSYNC),
    ("fuse.curlftpfs", NO_FSYNC),
];

/// What the folder stands on and what fails there, where that is a network file system. Only Linux is asked; elsewhere, and where
/// it cannot be told, nothing is refused.
#[cfg(target_os = "linux")]
pub(super) fn kind_of(folder: &Path) -> Option<(&'static str, &'static str)> {
    /// Every FUSE file system has this one number.
    const FUSE: u64 = 0x6573_5546;
    // The field's width and sign differ between architectures; the numbers have 32 bits.
    let magic = i128::from(rustix::fs::statfs(folder).ok()?.f_type) & 0xffff_ffff;
    let magic = u64::try_from(magic).ok()?;
    if magic != FUSE {
        return by_magic(magic);
    }
    let device = rustix::fs::stat(folder).ok()?.st_dev;
    let device = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    by_mount(&std::fs::read_to_string("/proc/self/mountinfo").ok()?, &device)
}

/// What the folder stands on is not asked for here.
#[cfg(not(target_os = "linux"))]
pub(super) fn kind_of(_: &Path) -> Option<(&'static str, &'static str)> {
    None
}

#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "asked on Linux only"))]
fn by_magic(magic: u64) -> Option<(&'static str, &'static str)> {
    KINDS.iter().find(|(number, ..)| *number == magic).map(|(_, name, why)| (*name, *why))
}

/// The line of a device: `36 35 98:0 /root /mnt options optional… - TYPE source options` (`man 5 proc_pid_mountinfo`).
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "asked on Linux only"))]
fn by_mount(mountinfo: &str, device: &str) -> Option<(&'static str, &'static str)> {
    let line = mountinfo.lines().find(|line| line.split(' ').nth(2) == Some(device))?;
    let (_, after) = line.split_once(" - ")?;
    let kind = after.split(' ').next()?;
    FUSE_KINDS.iter().find(|(name, _)| *name == kind).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_told_by_their_magic_numbers() {
        assert_eq!(by_magic(0x6969).map(|(kind, _)| kind), Some("nfs"));
        assert_eq!(by_magic(0xff53_4d42).map(|(kind, _)| kind), Some("cifs"));
        let (ext4, xfs, btrfs, tmpfs, overlay) = (0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630);
        for local in [ext4, xfs, btrfs, tmpfs, overlay] {
            assert_eq!(by_magic(local), None, "{local:x}");
        }
    }

    #[test]
    fn a_fuse_file_system_is_told_by_its_line_of_the_mounts() {
        let mounts = "36 35 0:45 / /mnt/far rw,nosuid shared:1 - fuse.sshfs ada@far:/ rw\n\
                      37 35 0:46 / /mnt/near rw - fuse.encfs encfs rw\n";
        assert_eq!(by_mount(mounts, "0:45").map(|(kind, _)| kind), Some("fuse.sshfs"));
        assert_eq!(by_mount(mounts, "0:46"), None);
        assert_eq!(by_mount(mounts, "0:47"), None);
    }

    #[test]
    fn a_local_folder_is_not_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(kind_of(folder.path()), None);
    }
}
