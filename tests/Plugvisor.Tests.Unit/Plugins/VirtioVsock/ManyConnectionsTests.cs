using System.Net.Sockets;
using Plugvisor.Plugins.VirtioVsock;
using Plugvisor.Testing.Conformance;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioVsock;

/// <summary>As many connections as there can be: a thousand descriptors, which tests beside it would count as theirs.</summary>
[Collection(nameof(WholeProcess))]
public sealed class ManyConnectionsTests
{
    private const uint Port = 5000;

    [Fact]
    public void Hostile_32_ten_thousand_connects_are_bounded_and_leave_nothing()
    {
        int before = ProcessResources.OpenDescriptors;
        using (var rig = new VsockRig())
        {
            using Socket listener = rig.Listen(Port, backlog: 4096);
            int accepted = 0;
            for (uint port = 0; port < 10_000; port++)
            {
                rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_REQUEST, port, Port));
                Packet answer = rig.Next().Header;
                Assert.Equal(port, answer.DestinationPort);
                if (answer.Operation == VsockSpec.VIRTIO_VSOCK_OP_RESPONSE) accepted++;
                else Assert.Equal(VsockSpec.VIRTIO_VSOCK_OP_RST, answer.Operation);
            }

            // As many as there may be, or as the listener of the host keeps waiting.
            Assert.InRange(accepted, 1, Muxer.MaxConnections);
            Assert.Equal((ulong)accepted, rig.Open);
            Assert.Equal(10_000ul - (ulong)accepted, rig.Host.MockCounters["refused_connections"]);
            rig.Harness.Reset();
            Assert.Equal(0ul, rig.Open);
        }

        Assert.True(ProcessResources.DescriptorsFallTo(before + 100), "descriptors are left open");
    }

    [Fact]
    public void Hostile_32_as_many_clients_of_the_host_are_bounded_too()
    {
        using var rig = new VsockRig();
        var clients = new List<Socket>();
        for (int i = 0; i < Muxer.MaxConnections + 10; i++) clients.Add(rig.Connect());
        rig.Harness.WaitFor(() => rig.Host.MockCounters["refused_connections"] == 10, "ten that are refused");
        Assert.Equal((ulong)Muxer.MaxConnections, rig.Open);
        ConnectTests.AssertEnds(clients[^1]);
        clients[0].Dispose();
        rig.Harness.WaitFor(() => rig.Open == (ulong)Muxer.MaxConnections - 1, "the end of one");
        rig.ConnectFromHost(22);
    }
}
