using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;
using Xunit;

namespace Plugvisor.Testing.Conformance;

public abstract partial class VirtioDeviceConformance
{
    /// <summary>A device in its harness, and requests for it.</summary>
    private sealed class Rig : IDisposable
    {
        private readonly int _requestQueue;
        private readonly DriverBuffer[][] _requests = new DriverBuffer[16][];

        public Rig(VirtioDeviceConformance suite)
        {
            _requestQueue = suite.RequestQueue;
            Ram = suite.CreateRam();
            Host = new MockDeviceHost(Ram);
            suite.Prepare(Host);
            Harness = new DriverHarness(suite.Create(Host), Host);
            for (int i = 0; i < _requests.Length; i++) _requests[i] = suite.BuildRequest(Ram);
        }

        public GuestMemoryMock Ram { get; }

        public MockDeviceHost Host { get; }

        public DriverHarness Harness { get; }

        public IVirtioDevice Device => Harness.Device;

        public MockQueue Queue => Harness.Queues[_requestQueue];

        public bool HasRoom => Queue.Driver.FreeDescriptors >= _requests[0].Length;

        public DriverBuffer[] Request(int number) => _requests[number % _requests.Length];

        public void AddRequest(int number) => Queue.Driver.Add(Request(number));

        public void RequestsComplete(int count)
        {
            for (int i = 0; i < count; i++) Assert.InRange(Queue.Call(Request(i)), 0u, Writable(Request(i)));
        }

        public void Collect(int count)
        {
            for (int i = 0; i < count; i++) Queue.Collect();
        }

        public void PaintWritable(byte value)
        {
            foreach (DriverBuffer[] request in _requests)
            {
                foreach (DriverBuffer buffer in request)
                {
                    if (buffer.IsWritable) Ram.Bytes(buffer.Address, (int)buffer.Length).Fill(value);
                }
            }
        }

        public bool WritableAre(byte value)
        {
            foreach (DriverBuffer[] request in _requests)
            {
                foreach (DriverBuffer buffer in request)
                {
                    if (buffer.IsWritable && Ram.Bytes(buffer.Address, (int)buffer.Length).ContainsAnyExcept(value)) return false;
                }
            }

            return true;
        }

        public void Replace(VirtioDeviceConformance suite)
        {
            var host = new MockDeviceHost(Ram);
            suite.Prepare(host);
            Harness.Replace((state, inherited) => suite.CreateSuccessor(host, state, inherited), host);
        }

        public void Healthy()
        {
            Assert.Empty(Harness.Host.Failures);
            Assert.Empty(Harness.Transport.ResetReasons);
        }

        public void Dispose()
        {
            Harness.Dispose();
            Ram.Dispose();
        }
    }
}
