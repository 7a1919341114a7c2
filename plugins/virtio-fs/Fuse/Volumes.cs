using Plugvisor.Linux.Trees;

namespace Plugvisor.Plugins.VirtioFs.Fuse;

/// <summary>What is known of kinds of filesystems, by their numbers of include/uapi/linux/magic.h.</summary>
internal static unsafe class Volumes
{
    /// <summary>
    /// Whether a descriptor is of a filesystem that is an interface of the kernel and holds no files. Such a one is never shared: through <c>/proc</c> a guest
    /// could write to the VMM's own memory.
    /// </summary>
    public static bool IsKernelInterface(int descriptor)
    {
        VolumeStatus status;
        if (TreeCalls.VolumeStatus(descriptor, &status) < 0) return true;
        return (uint)status.Type is
            0x9fa0            // proc
            or 0x62656572     // sysfs
            or 0x64626720     // debugfs
            or 0x74726163     // tracefs
            or 0x73636673     // securityfs
            or 0xf97cff8c     // selinuxfs
            or 0x43415d53     // smackfs
            or 0x27e0eb       // cgroup
            or 0x63677270     // cgroup 2
            or 0xcafe4a11     // bpf
            or 0x1cd1         // devpts
            or 0x6e736673     // nsfs
            or 0x42494e4d     // binfmt_misc
            or 0xde5e81e4     // efivarfs
            or 0x6165676c     // pstore
            or 0x62656570     // configfs
            or 0x19800202     // mqueue
            or 0x0187;        // autofs
    }

    /// <summary>Whether closing a file of this filesystem sends data somewhere and can fail.</summary>
    public static bool FlushesOnClose(int descriptor)
    {
        VolumeStatus status;
        if (TreeCalls.VolumeStatus(descriptor, &status) < 0) return true;
        return (uint)status.Type is 0x6969 or 0x517b or 0xff534d42 or 0xfe534d42 or 0x65735546 or 0x01021997 or 0x00c36400;   // NFS, SMB, FUSE, 9p, Ceph
    }
}
