using System.Globalization;
using Plugvisor.Cli.CommandLine;
using Plugvisor.Control;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Sockets;

namespace Plugvisor.Cli.Api;

/// <summary>
/// The listening socket of the REST API. It is open before anything else starts: a client that comes early waits in its queue, and a socket that cannot be
/// had is an error before a guest runs. A few system calls.
/// </summary>
internal sealed class ApiSocket : IDisposable
{
    private readonly SocketFile? _file;

    private ApiSocket(UnixListener listener, string name, SocketFile? file)
    {
        Listener = listener;
        Name = name;
        _file = file;
    }

    /// <summary>The socket.</summary>
    public UnixListener Listener { get; }

    /// <summary>How people name it: its path, or <c>fd=N</c>.</summary>
    public string Name { get; }

    /// <summary>Opens what the option names.</summary>
    /// <exception cref="VmmException">It cannot be had.</exception>
    public static ApiSocket Open(ApiSocketOption option)
    {
        try
        {
            if (option.Kind == ApiSocketKind.Descriptor)
            {
                string name = string.Create(CultureInfo.InvariantCulture, $"fd={option.Descriptor}");
                return new ApiSocket(UnixListener.Adopt(option.Descriptor), name, file: null);
            }

            return SocketFile.TryListen(option.Path) is { } file
                ? new ApiSocket(file.Listener, file.Path, file)
                : throw new VmmException($"API socket {option.Path} is already in use by another running instance");
        }
        catch (LinuxException e)
        {
            throw new VmmException($"Error opening the API socket ({HostOptions.ApiSocket})", e);
        }
    }

    /// <summary>Closes it; a file that was made is gone afterwards.</summary>
    public void Dispose()
    {
        if (_file is null) Listener.Dispose();
        else _file.Dispose();
    }
}
