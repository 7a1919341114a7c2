using Plugvisor.Testing.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioNet;

/// <summary>A driver's receive buffers: keeps the ring filled and puts frames together that came over several buffers.</summary>
/// <param name="rig">The device.</param>
/// <param name="shape">Lengths of the pieces of the n-th buffer.</param>
internal sealed class ReceiveBuffers(NetRig rig, Func<int, int[]> shape)
{
    private readonly Dictionary<ushort, DriverBuffer[]> _inFlight = [];
    private readonly Queue<DriverBuffer[]> _free = new();
    private int _made;

    /// <summary>Makes so many more buffers available.</summary>
    public void Add(int count)
    {
        for (; count > 0; count--)
        {
            if (!_free.TryDequeue(out DriverBuffer[]? buffer)) buffer = [.. shape(_made++).Select(rig.Buffer)];
            _inFlight[rig.Receive.Driver.Add(buffer)] = buffer;
        }

        rig.Receive.Kick();
    }

    /// <summary>Makes as many available as fit the ring.</summary>
    public void Fill(int pieces)
    {
        while (rig.Receive.Driver.FreeDescriptors >= pieces) Add(1);
    }

    /// <summary>Waits for a frame; header and all, without the number of buffers, which is checked.</summary>
    public byte[] Collect(out int buffers)
    {
        var whole = new List<byte>();
        buffers = 0;
        int expected = 1;
        for (; buffers < expected; buffers++)
        {
            UsedChain used = rig.Receive.Collect();
            Assert.True(_inFlight.Remove(used.Head, out DriverBuffer[]? buffer));
            _free.Enqueue(buffer);
            uint left = used.Written;
            foreach (DriverBuffer piece in buffer)
            {
                uint part = Math.Min(left, piece.Length);
                whole.AddRange(rig.Bytes(piece, part));
                left -= part;
            }

            Assert.Equal(0u, left);
            if (buffers == 0) expected = whole[10] | whole[11] << 8;
        }

        Assert.True(expected >= 1, "a frame in no buffers");
        whole[10] = whole[11] = 0;
        return [.. whole];
    }

    public byte[] Collect() => Collect(out _);
}
