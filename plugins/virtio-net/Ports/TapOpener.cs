using System.Net;
using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Network;

namespace Plugvisor.Plugins.VirtioNet.Ports;

/// <summary>Opens, or makes, the tap interface of a device and sets it up as its config says.</summary>
internal static class TapOpener
{
    private const string NamePattern = "vmtap%d";

    /// <summary>Opens what the config and the descriptors that came with the request name.</summary>
    /// <exception cref="DeviceException">It cannot be used; nothing stays open then.</exception>
    public static PortSet Open(DeviceRequest request, Config config, IDeviceLog log)
    {
        var queues = new List<TapQueue>();
        try
        {
            string what = config.Tap is { Length: > 0 } tap ? $"tap interface '{tap}'" : "a tap interface";
            try
            {
                if (request.Inherited.Count > 0) return Inherit(request, config, queues);
                List<int> descriptors = Descriptors(request, config);
                return descriptors.Count > 0 ? OpenDescriptors(descriptors, config, queues) : OpenNamed(config, queues, log);
            }
            catch (LinuxException exception)
            {
                throw new DeviceException(
                    $"network device {request.Id}: cannot use {what}; making or changing one needs CAP_NET_ADMIN and /dev/net/tun", exception);
            }
        }
        catch
        {
            foreach (TapQueue queue in queues) queue.Dispose();
            throw;
        }
    }

    /// <summary>What came over a socket counts; numbers in the config are this process's own, given on its command line.</summary>
    private static List<int> Descriptors(DeviceRequest request, Config config)
    {
        var descriptors = new List<int>();
        foreach (SafeHandle handle in request.Descriptors) descriptors.Add((int)handle.DangerousGetHandle());
        if (descriptors.Count == 0) descriptors.AddRange(config.Descriptors ?? []);
        if (descriptors.Count > 0 && descriptors.Count != config.Pairs)
            throw new ConfigException(config.DescriptorProblem(descriptors.Count));
        return descriptors;
    }

    private static PortSet OpenNamed(Config config, List<TapQueue> queues, IDeviceLog log)
    {
        bool several = config.Pairs > 1;
        string name = config.Tap is { Length: > 0 } given ? given : NamePattern;
        bool existed = false;
        if (name != NamePattern)
        {
            using var before = new NetworkInterface(name);
            existed = before.Exists;
        }

        queues.Add(TapQueue.Open(name, several));
        name = queues[0].Name;
        using var tap = new NetworkInterface(name);
        if (config.Ip is { } ip && config.Mask is { } mask)
        {
            if (existed) log.Info($"tap interface {name} exists: its address stays as it is");
            else tap.SetAddress(IPAddress.Parse(ip), IPAddress.Parse(mask));
        }

        Configure(tap, config);
        tap.BringUp();
        for (int i = 1; i < config.Pairs; i++) queues.Add(TapQueue.Open(name, several));
        return MakePorts(queues, name, tap.Mtu);
    }

    private static PortSet OpenDescriptors(List<int> descriptors, Config config, List<TapQueue> queues)
    {
        foreach (int descriptor in descriptors)
        {
            var queue = TapQueue.Duplicate(descriptor);
            queues.Add(queue);
            // A queue that outlives its devices may be out of use since the last one; one that is in use refuses, which is as good.
            if (descriptors.Count > 1) _ = queue.SetAttached(true);
        }

        string name = queues[0].Name;
        using var tap = new NetworkInterface(name);
        Configure(tap, config);
        return MakePorts(queues, name, MtuOf(tap));
    }

    /// <summary>An earlier instance has opened and set up everything: an interface, its queues, what the driver wants of them.</summary>
    private static PortSet Inherit(DeviceRequest request, Config config, List<TapQueue> queues)
    {
        if (request.Inherited.Count != config.Pairs)
            throw new DeviceException($"network device {request.Id}: {request.Inherited.Count} tap queues were handed over for {config.Pairs} pairs of queues");
        foreach (SafeHandle handle in request.Inherited) queues.Add(TapQueue.Duplicate((int)handle.DangerousGetHandle()));
        string name = queues[0].Name;
        using var tap = new NetworkInterface(name);
        return MakePorts(queues, name, MtuOf(tap));
    }

    private static int? MtuOf(NetworkInterface tap)
    {
        try
        {
            return tap.Mtu;
        }
        catch (LinuxException)
        {
            // It may be in another network namespace, where its name says nothing to this process.
            return null;
        }
    }

    private static void Configure(NetworkInterface tap, Config config)
    {
        if (config.HostMac is { } text && MacAddress.TryParse(text, out MacAddress mac)) tap.HardwareAddress = mac;
        if (config.Mtu is { } mtu) tap.Mtu = mtu;
    }

    private static PortSet MakePorts(List<TapQueue> queues, string name, int? mtu)
    {
        var ports = new IPort[queues.Count];
        for (int i = 0; i < ports.Length; i++)
        {
            queues[i].SetHeaderSize(NetSpec.HeaderSize);
            ports[i] = new TapPort(queues[i]);
        }

        return new PortSet(ports, name, mtu);
    }
}
