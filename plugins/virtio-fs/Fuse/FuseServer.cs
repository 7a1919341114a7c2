using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Trees;

namespace Plugvisor.Plugins.VirtioFs.Fuse;

/// <summary>
/// Serves a directory of the host to a guest that speaks FUSE (include/uapi/linux/fuse.h, versions 7.31 to 7.38 and whatever is compatible). The directory is a
/// boundary: the guest names single components only, each is opened beneath a directory that the guest knows, and no link is ever followed. Any number
/// of threads may call <see cref="Handle"/>, each with a request of its own.
/// </summary>
internal sealed unsafe partial class FuseServer : IDisposable
{
    /// <summary>How long a guest that may keep something believes names and attributes without asking again, in seconds.</summary>
    public const ulong ValidSeconds = 1;

    private const int PageSize = 4096;

    private readonly InodeTable _inodes;
    private readonly HandleTable _handles;
    private readonly DescriptorBudget _budget;
    private readonly bool _readOnly;
    private readonly bool _flushes;
    private readonly uint _openFlags;
    private readonly ulong _valid;

    /// <summary>Opens the directory.</summary>
    /// <param name="path">The directory.</param>
    /// <param name="readOnly">Refuse whatever would change it.</param>
    /// <param name="cache">What the guest may keep.</param>
    /// <param name="inodes">The most files that the guest may know at a time.</param>
    /// <param name="budget">Where descriptors come from.</param>
    /// <param name="inherited">A descriptor of it that an earlier instance has opened, which is duplicated; null to open it by its path.</param>
    /// <exception cref="LinuxException">It cannot be opened.</exception>
    /// <exception cref="DeviceException">It cannot be shared.</exception>
    public FuseServer(string path, bool readOnly, CachePolicy cache, int inodes, DescriptorBudget budget, SafeHandle? inherited = null)
    {
        _readOnly = readOnly;
        _budget = budget;
        _handles = new HandleTable(budget);
        int root = inherited is null ? Open(path, FuseSpec.O_PATH | FuseSpec.O_DIRECTORY | FuseSpec.O_CLOEXEC) : Succession.Duplicate(inherited);
        try
        {
            TreeStatus status;
            byte empty = 0;
            int result = TreeCalls.Status(root, &empty, TreeCalls.EmptyPath, &status);
            if (result < 0) throw new LinuxException($"statx {path}", -result);
            if (Volumes.IsKernelInterface(root)) throw new DeviceException($"{path} is an interface of the kernel and not a directory of files");
            int again = ProcPath.Open(root, FuseSpec.O_RDONLY | FuseSpec.O_DIRECTORY | FuseSpec.O_CLOEXEC);
            if (again < 0) throw new LinuxException($"open {path} through /proc/self/fd", -again);
            _ = TreeCalls.Close(again);
            _flushes = Volumes.FlushesOnClose(root);
            if (!_flushes) _openFlags |= FuseSpec.FOPEN_NOFLUSH;
            if (cache != CachePolicy.Auto) _openFlags |= FuseSpec.FOPEN_DIRECT_IO | FuseSpec.FOPEN_PARALLEL_DIRECT_WRITES;
            _valid = cache == CachePolicy.None ? 0 : ValidSeconds;
            _inodes = new InodeTable(root, status, inodes, budget);
        }
        catch
        {
            _ = TreeCalls.Close(root);
            throw;
        }
    }

    /// <summary>Files that the guest knows now, the directory itself included.</summary>
    public int KnownFiles => _inodes.Count;

    /// <summary>Does what a request asks for.</summary>
    /// <param name="request">Begun without an error.</param>
    /// <returns>What <see cref="Request.End"/> takes.</returns>
    public int Handle(Request request)
    {
        FuseOpcode opcode = request.Header.Opcode;
        request.Metrics.CountRequest();
        // Before anything is done: an answer that cannot be given must not leave anything behind.
        if (request.Room < LeastRoom(opcode)) return -FuseSpec.EINVAL;
        if (_readOnly && Changes(opcode)) return -FuseSpec.EROFS;
        switch (opcode)
        {
            case FuseOpcode.SymLink or FuseOpcode.MkNod or FuseOpcode.MkDir or FuseOpcode.Create:
                request.Identity.Become(request.Header.User, request.Header.Group);
                break;
            case FuseOpcode.Write or FuseOpcode.Forget or FuseOpcode.BatchForget:
                request.Identity.Own();
                break;
            default:
                request.Identity.Own();
                request.Identity.KeepSetIdBits(true);
                break;
        }

        return opcode switch
        {
            FuseOpcode.Lookup => Lookup(request),
            FuseOpcode.Forget => Forget(request),
            FuseOpcode.BatchForget => BatchForget(request),
            FuseOpcode.GetAttr => GetAttr(request),
            FuseOpcode.SetAttr => SetAttr(request),
            FuseOpcode.ReadLink => ReadLink(request),
            FuseOpcode.SymLink => SymLink(request),
            FuseOpcode.MkNod => MkNod(request),
            FuseOpcode.MkDir => MkDir(request),
            FuseOpcode.Unlink => Remove(request, 0),
            FuseOpcode.RmDir => Remove(request, TreeCalls.RemoveDirectory),
            FuseOpcode.Rename or FuseOpcode.Rename2 => Rename(request),
            FuseOpcode.Link => Link(request),
            FuseOpcode.Open => Open(request),
            FuseOpcode.Create => Create(request),
            FuseOpcode.Read => Read(request),
            FuseOpcode.Write => Write(request),
            FuseOpcode.Release => Release(request, isDirectory: false),
            FuseOpcode.Flush => Flush(request),
            FuseOpcode.FSync => FSync(request, isDirectory: false),
            FuseOpcode.FAllocate => FAllocate(request),
            FuseOpcode.LSeek => LSeek(request),
            FuseOpcode.CopyFileRange => CopyFileRange(request),
            FuseOpcode.OpenDir => OpenDir(request),
            FuseOpcode.ReadDir => ReadDir(request, plus: false),
            FuseOpcode.ReadDirPlus => ReadDir(request, plus: true),
            FuseOpcode.ReleaseDir => Release(request, isDirectory: true),
            FuseOpcode.FSyncDir => FSync(request, isDirectory: true),
            FuseOpcode.StatFs => StatFs(request),
            FuseOpcode.Access => Access(request),
            FuseOpcode.SetXAttr => SetXAttr(request),
            FuseOpcode.GetXAttr => GetXAttr(request),
            FuseOpcode.ListXAttr => ListXAttr(request),
            FuseOpcode.RemoveXAttr => RemoveXAttr(request),
            FuseOpcode.SyncFs => SyncFs(request),
            FuseOpcode.Init => Init(request),
            FuseOpcode.Destroy => Destroy(),
            FuseOpcode.IoCtl => -FuseSpec.ENOTTY,
            // Locks are the guest's own: it keeps them itself when it is told that nobody else does. The rest has no meaning here.
            _ => -FuseSpec.ENOSYS,
        };
    }

    /// <summary>Forgets what the guest knows and has open; the next one begins anew.</summary>
    public void Reset()
    {
        _handles.Clear();
        _inodes.Clear();
    }

    /// <summary>Closes everything. No request may be under way.</summary>
    public void Dispose()
    {
        _handles.Clear();
        _inodes.Dispose();
    }

    private static int Open(string path, int flags)
    {
        byte[] bytes = [.. System.Text.Encoding.UTF8.GetBytes(path), 0];
        fixed (byte* first = bytes)
        {
            int descriptor = TreeCalls.OpenAt(TreeCalls.NoDirectory, first, flags, 0);
            return descriptor >= 0 ? descriptor : throw new LinuxException($"open {path}", -descriptor);
        }
    }

    /// <summary>Bytes that the shortest good answer needs behind its header.</summary>
    private static int LeastRoom(FuseOpcode opcode) => opcode switch
    {
        FuseOpcode.Lookup or FuseOpcode.SymLink or FuseOpcode.MkNod or FuseOpcode.MkDir or FuseOpcode.Link => sizeof(EntryOut),
        FuseOpcode.GetAttr or FuseOpcode.SetAttr => sizeof(AttrOut),
        FuseOpcode.Create => sizeof(CreateOut),
        FuseOpcode.Open or FuseOpcode.OpenDir => sizeof(OpenOut),
        FuseOpcode.Write or FuseOpcode.CopyFileRange => sizeof(WriteOut),
        FuseOpcode.LSeek => sizeof(long),
        FuseOpcode.StatFs => sizeof(StatFsOut),
        FuseOpcode.Init => sizeof(InitOut),
        _ => 0,
    };

    private static bool Changes(FuseOpcode opcode) => opcode is
        FuseOpcode.SetAttr or FuseOpcode.SymLink or FuseOpcode.MkNod or FuseOpcode.MkDir or FuseOpcode.Unlink or FuseOpcode.RmDir or FuseOpcode.Rename
        or FuseOpcode.Rename2 or FuseOpcode.Link or FuseOpcode.Write or FuseOpcode.SetXAttr or FuseOpcode.RemoveXAttr or FuseOpcode.Create
        or FuseOpcode.FAllocate or FuseOpcode.CopyFileRange or FuseOpcode.TmpFile;

    private int Init(Request request)
    {
        if (!request.TryTake(out InitIn init)) return -FuseSpec.EINVAL;
        ref InitOut answer = ref request.Answer<InitOut>();
        answer.Major = FuseSpec.FUSE_KERNEL_VERSION;
        answer.Minor = FuseSpec.FUSE_KERNEL_MINOR_VERSION;
        // A later major version asks again in ours.
        if (init.Major > FuseSpec.FUSE_KERNEL_VERSION) return sizeof(InitOut);
        if (init.Major < FuseSpec.FUSE_KERNEL_VERSION || init.Minor < FuseSpec.LeastMinorVersion) return -FuseSpec.EPROTO;

        Reset();   // a guest that starts again without saying goodbye
        answer.Flags = init.Flags & (FuseSpec.FUSE_ASYNC_READ | FuseSpec.FUSE_ATOMIC_O_TRUNC | FuseSpec.FUSE_BIG_WRITES | FuseSpec.FUSE_AUTO_INVAL_DATA
            | FuseSpec.FUSE_DO_READDIRPLUS | FuseSpec.FUSE_READDIRPLUS_AUTO | FuseSpec.FUSE_ASYNC_DIO | FuseSpec.FUSE_PARALLEL_DIROPS
            | FuseSpec.FUSE_MAX_PAGES | FuseSpec.FUSE_CACHE_SYMLINKS | FuseSpec.FUSE_HANDLE_KILLPRIV_V2);
        answer.MaxReadAhead = init.MaxReadAhead;
        answer.MaxBackground = 256;
        answer.CongestionThreshold = 192;
        answer.MaxWrite = Request.MaxTransfer;
        answer.MaxPages = (ushort)(Request.MaxTransfer / PageSize);
        answer.TimeGranularity = 1;
        return sizeof(InitOut);
    }

    private int Destroy()
    {
        Reset();
        return 0;
    }
}
