using System.Runtime.InteropServices;

namespace Plugvisor.Plugins.VirtioFs.Fuse;

// What another instance in the same process goes on with.
internal sealed unsafe partial class FuseServer
{
    /// <summary>Writes what the guest knows and has open. No request may be under way.</summary>
    /// <param name="to">Where to.</param>
    /// <param name="handles">Descriptors are added, the shared directory's first; they stay the server's.</param>
    public void Save(BinaryWriter to, List<SafeHandle> handles)
    {
        _inodes.Save(to, handles);
        _handles.Save(to, handles);
    }

    /// <summary>Reads what <see cref="Save"/> wrote, into a server that no guest has used.</summary>
    /// <param name="from">Where from.</param>
    /// <param name="handles">The descriptors, in the same order; they stay the caller's.</param>
    /// <exception cref="InvalidDataException">It does not make sense.</exception>
    /// <exception cref="EndOfStreamException">It is too short.</exception>
    /// <exception cref="Linux.Errors.LinuxException">There is no descriptor left.</exception>
    public void Restore(BinaryReader from, IReadOnlyList<SafeHandle> handles)
    {
        int next = 1;   // the directory's own is in use already
        _inodes.Restore(from, handles, ref next);
        _handles.Restore(from, handles, ref next);
        if (next != handles.Count) throw new InvalidDataException($"{handles.Count - next} descriptors belong to nothing");
    }
}
