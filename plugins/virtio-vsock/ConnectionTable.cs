using Plugvisor.Linux.Sockets;

namespace Plugvisor.Plugins.VirtioVsock;

/// <summary>
/// All connections: found by their ports, by their slot, and in the order in which they have something for the guest. Bounded; nothing is allocated
/// once a slot was in use. Only the device's thread uses it.
/// </summary>
internal sealed class ConnectionTable(int capacity)
{
    private const int Buckets = 1024;

    /// <summary>Where ports of the host's programs begin; others are named by them, in <c>SOCKET_PORT</c>.</summary>
    private const uint FirstPort = 1u << 30;
    private const uint PortMask = FirstPort - 1;

    private readonly Connection?[] _slots = new Connection?[capacity];
    private readonly int[] _free = new int[capacity];
    private readonly Connection?[] _buckets = new Connection?[Buckets];
    private readonly Stack<byte[]> _spare = new();
    private readonly ulong _seed = (ulong)Random.Shared.NextInt64() | 1;   // odd: a guest must not be able to choose who shares a bucket
    private int _freeCount, _made;
    private uint _lastPort;
    private Connection? _firstReady, _lastReady;
    private int _count, _timed;

    /// <summary>Connections in whatever state; any thread.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Whether there is room for one more.</summary>
    public bool HasRoom => _count < capacity;

    /// <summary>Whether a connection has something for the guest.</summary>
    public bool AnyReady => _firstReady is not null;

    /// <summary>Whether a connection is given up after some time.</summary>
    public bool AnyTimed => _timed > 0;

    /// <summary>Buffers that nobody uses.</summary>
    public Stack<byte[]> Spare => _spare;

    /// <summary>Slots that were in use at some time; those of them that are free have the state Free.</summary>
    public ReadOnlySpan<Connection?> Slots => _slots.AsSpan(0, _made);

    /// <summary>The port that was given last.</summary>
    public uint LastPort
    {
        get => _lastPort;
        set => _lastPort = value & PortMask;
    }

    /// <summary>Takes a slot; there has to be room. It cannot be found by ports yet.</summary>
    public Connection Add(ConnectionState state, UnixStream? stream)
    {
        int slot = _freeCount > 0 ? _free[--_freeCount] : _made++;
        Connection connection = _slots[slot] ??= new Connection(slot);
        connection.Open(state, stream);
        Volatile.Write(ref _count, _count + 1);
        return connection;
    }

    /// <summary>Gives ports, by which it can be found from now on.</summary>
    public void Name(Connection connection, uint guestPort, uint hostPort)
    {
        connection.GuestPort = guestPort;
        connection.HostPort = hostPort;
        ref Connection? bucket = ref Bucket(guestPort, hostPort);
        connection.NextInBucket = bucket;
        bucket = connection;
    }

    /// <summary>A port of the host for a connection to this port of the guest.</summary>
    public uint NewPort(uint guestPort)
    {
        // One of the next few is free: there are fewer connections than ports.
        do _lastPort = (_lastPort + 1) & PortMask;
        while (Find(guestPort, FirstPort | _lastPort) is not null);
        return FirstPort | _lastPort;
    }

    /// <summary>The connection between two ports, or null.</summary>
    public Connection? Find(uint guestPort, uint hostPort)
    {
        Connection? at = Bucket(guestPort, hostPort);
        while (at is not null && (at.GuestPort != guestPort || at.HostPort != hostPort)) at = at.NextInBucket;
        return at;
    }

    /// <summary>The connection of a slot if it is still the same use of it, or null.</summary>
    public Connection? Find(ulong token)
    {
        int slot = (int)(uint)token;
        return slot < _made && _slots[slot] is { State: not ConnectionState.Free } connection && connection.Use == (uint)(token >> 32)
            ? connection : null;
    }

    /// <summary>What <see cref="Find(ulong)"/> finds it by.</summary>
    public static ulong Token(Connection connection) => (ulong)connection.Use << 32 | (uint)connection.Slot;

    /// <summary>Its ports are free again.</summary>
    public void Forget(Connection connection)
    {
        ref Connection? bucket = ref Bucket(connection.GuestPort, connection.HostPort);
        if (bucket == connection)
        {
            bucket = connection.NextInBucket;
        }
        else
        {
            Connection? at = bucket;
            while (at is not null && at.NextInBucket != connection) at = at.NextInBucket;
            if (at is null) return;   // it never had ports
            at.NextInBucket = connection.NextInBucket;
        }

        connection.NextInBucket = null;
    }

    /// <summary>Closes it and gives its slot back.</summary>
    public void Remove(Connection connection)
    {
        Forget(connection);
        SetDeadline(connection, 0);
        connection.Close(_spare);
        connection.State = ConnectionState.Free;
        connection.Pending = PendingPackets.None;
        if (connection.IsQueued) Unqueue(connection);
        _free[_freeCount++] = connection.Slot;
        Volatile.Write(ref _count, _count - 1);
    }

    /// <summary>Removes all.</summary>
    public void Clear()
    {
        for (int i = 0; i < _made; i++)
        {
            if (_slots[i]!.State != ConnectionState.Free) Remove(_slots[i]!);
        }
    }

    /// <summary>Puts it at the end of those that have something for the guest, if it has and is not among them.</summary>
    public void QueueIfReady(Connection connection)
    {
        if (connection.IsQueued || !connection.HasSomething) return;
        connection.IsQueued = true;
        connection.NextReady = null;
        if (_lastReady is null) _firstReady = connection;
        else _lastReady.NextReady = connection;
        _lastReady = connection;
    }

    /// <summary>Takes the one whose turn it is.</summary>
    public Connection? TakeReady()
    {
        Connection? first = _firstReady;
        if (first is not null) Unqueue(first);
        return first;
    }

    /// <summary>Sets when it is given up; 0 for never.</summary>
    public void SetDeadline(Connection connection, long timestamp)
    {
        _timed += (timestamp != 0 ? 1 : 0) - (connection.Deadline != 0 ? 1 : 0);
        connection.Deadline = timestamp;
    }

    /// <summary>The next one, from this slot on, whose time is over; null when there is none.</summary>
    public Connection? NextOverdue(long now, ref int slot)
    {
        while (slot < _made)
        {
            Connection connection = _slots[slot++]!;
            if (connection.Deadline != 0 && now - connection.Deadline >= 0) return connection;
        }

        return null;
    }

    private void Unqueue(Connection connection)
    {
        if (_firstReady == connection)
        {
            _firstReady = connection.NextReady;
            if (_firstReady is null) _lastReady = null;
        }
        else
        {
            Connection at = _firstReady!;
            while (at.NextReady != connection) at = at.NextReady!;
            at.NextReady = connection.NextReady;
            if (_lastReady == connection) _lastReady = at;
        }

        connection.NextReady = null;
        connection.IsQueued = false;
    }

    private ref Connection? Bucket(uint guestPort, uint hostPort)
    {
        ulong mixed = ((ulong)guestPort << 32 | hostPort) * _seed;
        return ref _buckets[mixed >> 54];
    }
}
