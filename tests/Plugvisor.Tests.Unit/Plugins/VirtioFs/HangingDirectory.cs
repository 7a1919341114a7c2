using System.ComponentModel;
using System.Diagnostics;
using Plugvisor.Testing.Devices;

namespace Plugvisor.Tests.Unit.Plugins.VirtioFs;

/// <summary>
/// A directory of the host with one file that does not answer when it is read, listed among names that are longer than a guest can ask for: a file system of a child process (python3, FUSE), mounted in namespaces of that child and reached by
/// <c>/proc/PID/root</c>. When the child goes, so does the mount, and whoever waits gets an error.
/// </summary>
internal sealed class HangingDirectory : IDisposable
{
    /// <summary>The file.</summary>
    public const string FileName = "file";

    /// <summary>A FIFO that has the file's inode number.</summary>
    public const string FifoName = "fifo";

    // Numbers and layouts of include/uapi/linux/fuse.h. What is cached for an hour is not asked for while a read waits.
    private const string Server = """
        import ctypes, errno, os, struct, sys
        libc = ctypes.CDLL(None, use_errno=True)
        device = os.open('/dev/fuse', os.O_RDWR)
        options = b'fd=%d,rootmode=40000,user_id=0,group_id=0' % device
        if libc.mount(b'hanging', b'/mnt', b'fuse', 0, options): sys.exit(os.strerror(ctypes.get_errno()))
        print('ready', flush=True)
        def attributes(node):
            return struct.pack('<6Q10I', min(node, 2), 5, 1, 0, 0, 0, 0, 0, 0, (0o40755, 0o100644, 0o10644)[node - 1], 1, 0, 0, 0, 4096, 0)
        def answer(unique, error=0, body=b''):
            try: os.write(device, struct.pack('<IiQ', 16 + len(body), -error, unique) + body)
            except OSError: pass    # nobody waits for it any more
        while True:
            request = os.read(device, 1 << 20)
            _, operation, unique, node = struct.unpack_from('<IIQQ', request)
            if operation == 26: answer(unique, 0, struct.pack('<IIIIHHIIHHI7I', 7, 31, 65536, 0, 12, 9, 65536, 1, 0, 0, 0, *[0] * 7))
            elif operation == 1 and request[40:45] == b'file\0': answer(unique, 0, struct.pack('<QQQQII', 2, 0, 3600, 3600, 0, 0) + attributes(2))
            elif operation == 1 and request[40:45] == b'fifo\0': answer(unique, 0, struct.pack('<QQQQII', 3, 0, 3600, 3600, 0, 0) + attributes(3))
            elif operation == 1: answer(unique, errno.ENOENT)
            elif operation == 3: answer(unique, 0, struct.pack('<QII', 3600, 0, 0) + attributes(node))
            elif operation in (14, 27): answer(unique, 0, struct.pack('<QII', 1, 1, 0))
            elif operation == 17: answer(unique, 0, bytes(80))
            elif operation in (18, 25, 29): answer(unique)
            elif operation == 28:
                names = [b'.', b'..', b'first', b'x' * 300, b'y' * 1000, b'file'] if struct.unpack_from('<Q', request, 48)[0] == 0 else []
                answer(unique, 0, b''.join(struct.pack('<QQII', 9, at + 1, len(name), 0) + name + bytes(-len(name) % 8) for at, name in enumerate(names)))
            elif operation == 15:
                print('asked', flush=True)
                sys.stdin.readline()
                answer(unique, 0, b'late\n')
            elif operation not in (2, 36, 42): answer(unique, errno.ENOSYS)
        """;

    private static readonly Lazy<bool> s_isPossible = new(static () =>
    {
        try
        {
            new HangingDirectory().Dispose();
            return true;
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            return false;
        }
    });

    private readonly Process _process;

    /// <summary>Mounts it.</summary>
    /// <exception cref="InvalidOperationException">This user cannot do so here.</exception>
    public HangingDirectory()
    {
        string[] user = Environment.IsPrivilegedProcess ? [] : ["--user", "--map-root-user"];
        string[] arguments = ["--mount", .. user, "python3", "-c", Server];
        _process = Process.Start(new ProcessStartInfo("unshare", arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })
            ?? throw new InvalidOperationException("unshare does not start");
        if (_process.StandardOutput.ReadLine() == "ready") return;
        string error = _process.StandardError.ReadToEnd();
        Dispose();
        throw new InvalidOperationException(error);
    }

    /// <summary>Whether this user can make one here.</summary>
    public static bool IsPossible => s_isPossible.Value;

    /// <summary>Its path.</summary>
    public string FullPath => $"/proc/{_process.Id}/root/mnt";

    /// <summary>Waits until somebody reads the file.</summary>
    public async Task ReadAsync()
    {
        string? said = await _process.StandardOutput.ReadLineAsync().WaitAsync(DriverHarness.Deadline);
        if (said != "asked") throw new InvalidOperationException($"the file system ended: {said}");
    }

    /// <summary>Answers the read, and from now on every read at once.</summary>
    public void Answer() => _process.StandardInput.Close();

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
