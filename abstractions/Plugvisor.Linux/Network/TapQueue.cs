using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.Network;

/// <summary>
/// One queue of a tap interface: frames with a virtio-net header in front (IFF_VNET_HDR), non-blocking, close-on-exec. One thread reads, one
/// writes; the rest may be called from any thread. An interface that was made by opening it is gone when its last queue is
/// disposed.
/// </summary>
public sealed unsafe partial class TapQueue : SafeHandle
{
    private const string Device = "/dev/net/tun";
    private const int O_RDWR = 2, O_NONBLOCK = 0x800, O_CLOEXEC = 0x80000;
    private const int F_GETFL = 3, F_SETFL = 4, F_DUPFD_CLOEXEC = 1030;
    private const int EINTR = 4, EBUSY = 16, EINVAL = 22, ENOTTY = 25;
    private const ushort IFF_TAP = 0x2, IFF_MULTI_QUEUE = 0x100, IFF_ATTACH_QUEUE = 0x200, IFF_DETACH_QUEUE = 0x400;
    private const ushort IFF_NO_PI = 0x1000, IFF_VNET_HDR = 0x4000;

    private readonly int _fd;

    private TapQueue(int descriptor) : base(-1, ownsHandle: true)
    {
        SetHandle(descriptor);
        _fd = descriptor;
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == -1;

    /// <summary>The descriptor, for poll sets. Readable means a frame; an interface that goes away is an error and stays one.</summary>
    public int Descriptor => _fd;

    /// <summary>Name of the interface when it was opened.</summary>
    public string Name { get; private init; } = "";

    /// <summary>Opens a queue of an interface, which is made if there is none of that name.</summary>
    /// <param name="name">Its name, or a pattern such as <c>vmtap%d</c>, for which the kernel finds the first free number.</param>
    /// <param name="multiQueue">Whether it has several queues; an existing interface has to have been made so.</param>
    /// <exception cref="LinuxException">It cannot be opened or made; the message says what to do where that is known.</exception>
    public static TapQueue Open(string name, bool multiQueue)
    {
        ArgumentNullException.ThrowIfNull(name);
        InterfaceRequest request = InterfaceRequest.For(name);
        request.Flags = (ushort)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (multiQueue ? IFF_MULTI_QUEUE : 0));
        int descriptor;
        while ((descriptor = open(Device, O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0)
        {
            int errno = Marshal.GetLastSystemError();
            if (errno != EINTR) throw new LinuxException($"open {Device}", errno);
        }

        int result = NetworkIoctl.Try(descriptor, NetworkIoctl.TUNSETIFF, &request);
        if (result == 0) return new TapQueue(descriptor) { Name = request.Name };
        _ = close(descriptor);
        string hint = -result switch
        {
            EINVAL => $" (it exists and is no tap, or was made {(multiQueue ? "without" : "with")} multi_queue)",
            EBUSY => " (it is in use already)",
            _ => "",
        };
        throw new LinuxException($"open tap interface '{name}'{hint}", -result);
    }

    /// <summary>
    /// A queue that somebody else opened. The descriptor is duplicated: both stay open until each is closed.
    /// </summary>
    /// <param name="descriptor">A descriptor of a tap or macvtap, with virtio-net headers.</param>
    /// <exception cref="LinuxException">It is not open, or not that.</exception>
    public static TapQueue Duplicate(int descriptor)
    {
        InterfaceRequest request = default;
        int result = NetworkIoctl.Try(descriptor, NetworkIoctl.TUNGETIFF, &request);
        if (result < 0) throw new LinuxException($"use descriptor {descriptor} as a tap{(result == -ENOTTY ? " (it is none)" : "")}", -result);
        if ((request.Flags & (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)) != (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
            throw new LinuxException($"use descriptor {descriptor} of '{request.Name}' (open it as a tap with no_pi and vnet_hdr)", EINVAL);
        int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
        if (copy < 0) throw new LinuxException($"duplicate descriptor {descriptor}", Marshal.GetLastSystemError());
        _ = fcntl(copy, F_SETFL, fcntl(copy, F_GETFL, 0) | O_NONBLOCK);
        return new TapQueue(copy) { Name = request.Name };
    }

    /// <summary>Sets the length of the header that stands before each frame, in both directions.</summary>
    public void SetHeaderSize(int bytes) =>
        NetworkIoctl.Require(_fd, NetworkIoctl.TUNSETVNETHDRSZ, &bytes, $"set the header size of tap '{Name}' to {bytes}");

    /// <summary>Sets what the kernel may leave undone in frames that are read here. Concerns all queues of the interface.</summary>
    /// <returns>0, or a negative errno.</returns>
    public int SetOffloads(TapOffloads offloads) => NetworkIoctl.Try(_fd, NetworkIoctl.TUNSETOFFLOAD, (void*)(nuint)offloads);

    /// <summary>
    /// Puts the queue of a multi-queue interface in use or out of use: the kernel gives frames to those in use. It is a property of the open file, so
    /// it outlives a duplicate.
    /// </summary>
    /// <returns>0, or a negative errno (EINVAL when it is so already).</returns>
    public int SetAttached(bool attached)
    {
        InterfaceRequest request = default;
        request.Flags = attached ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE;
        return NetworkIoctl.Try(_fd, NetworkIoctl.TUNSETQUEUE, &request);
    }

    /// <summary>Reads one header and frame into <c>struct iovec</c>s. What does not fit is lost.</summary>
    /// <returns>Bytes; or a negative errno: EAGAIN when there is none, EIO while the interface is down, EBADFD when it is gone.</returns>
    public nint Read(void* vectors, int count)
    {
        while (true)
        {
            // One buffer is told to the kernel as such, which saves it an eighth of the whole call.
            nint done = count == 1 ? read(_fd, First(vectors), FirstLength(vectors)) : readv(_fd, vectors, count);
            if (done >= 0) return done;
            int errno = Marshal.GetLastSystemError();
            if (errno != EINTR) return -errno;
        }
    }

    /// <summary>Writes one header and frame from <c>struct iovec</c>s.</summary>
    /// <returns>Bytes; or a negative errno: EINVAL when the kernel does not like header or frame, else as for <see cref="Read"/>.</returns>
    public nint Write(void* vectors, int count)
    {
        while (true)
        {
            nint done = count == 1 ? write(_fd, First(vectors), FirstLength(vectors)) : writev(_fd, vectors, count);
            if (done >= 0) return done;
            int errno = Marshal.GetLastSystemError();
            if (errno != EINTR) return -errno;
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => close((int)handle) == 0;

    // struct iovec: an address, a length.
    private static void* First(void* vectors) => *(void**)vectors;

    private static nuint FirstLength(void* vectors) => ((nuint*)vectors)[1];

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc")]
    private static partial int fcntl(int fd, int command, nint argument);

    [LibraryImport("libc")]
    private static partial nint readv(int fd, void* vectors, int count);

    [LibraryImport("libc")]
    private static partial nint writev(int fd, void* vectors, int count);

    [LibraryImport("libc")]
    private static partial nint read(int fd, void* buffer, nuint length);

    [LibraryImport("libc")]
    private static partial nint write(int fd, void* buffer, nuint length);

    [LibraryImport("libc")]
    private static partial int close(int fd);
}
