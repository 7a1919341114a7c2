using Plugvisor.Linux.Sockets;

namespace Plugvisor.Plugins.VirtioVsock;

/// <summary>
/// The line <c>CONNECT PORT</c> with which a program of the host begins. Read byte by byte, so that what follows it stays in the socket for the guest.
/// </summary>
internal sealed class Greeting
{
    private const int EAGAIN = 11;
    private const int Longest = 32;

    private readonly byte[] _line = new byte[Longest];
    private int _length;

    /// <summary>What a look at the socket gave.</summary>
    public enum Result
    {
        /// <summary>The line is not complete.</summary>
        Waiting,

        /// <summary>It is, and names a port.</summary>
        Complete,

        /// <summary>The client is gone or says something else.</summary>
        Wrong,
    }

    /// <summary>Forgets what was read.</summary>
    public void Clear() => _length = 0;

    /// <summary>Writes what was read.</summary>
    public void Save(BinaryWriter to)
    {
        to.Write((byte)_length);
        to.Write(_line, 0, _length);
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    public void Restore(BinaryReader from)
    {
        int length = Math.Min((int)from.ReadByte(), Longest);
        from.ReadBytes(length).CopyTo(_line, 0);
        _length = length;
    }

    /// <summary>Reads on.</summary>
    /// <param name="stream">The client.</param>
    /// <param name="port">The port, when the line is complete.</param>
    public Result Read(UnixStream stream, out uint port)
    {
        port = 0;
        while (_length < Longest)
        {
            int count = stream.TryReceive(_line.AsSpan(_length, 1));
            if (count == -EAGAIN) return Result.Waiting;
            if (count <= 0) return Result.Wrong;
            if (_line[_length++] != '\n') continue;
            return TryParse(_line.AsSpan(0, _length - 1), out port) ? Result.Complete : Result.Wrong;
        }

        return Result.Wrong;
    }

    private static bool TryParse(ReadOnlySpan<byte> line, out uint port)
    {
        port = 0;
        ReadOnlySpan<byte> word = "connect "u8;
        if (line.Length <= word.Length) return false;
        for (int i = 0; i < word.Length; i++)
        {
            // Letters of either case, as the clients of others send them.
            if ((line[i] | 0x20) != word[i]) return false;
        }

        ulong value = 0;
        foreach (byte digit in line[word.Length..])
        {
            if (digit is < (byte)'0' or > (byte)'9') return false;
            value = value * 10 + (ulong)(digit - '0');
            if (value > uint.MaxValue) return false;
        }

        port = (uint)value;
        return true;
    }
}
