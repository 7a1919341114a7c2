using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Hypervisor;
using Plugvisor.Linux.Errors;
using Plugvisor.Machine.Devices;
using Plugvisor.Machine.Pci;
using Plugvisor.Machine.Virtio;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Machine;

/// <content>Devices, made by their plugins.</content>
public sealed partial class VirtualMachine
{
    private static readonly TimeSpan s_longestPatience = TimeSpan.FromMinutes(1);

    /// <summary>Has a plugin make a device, and gives it the bus side that its kind needs.</summary>
    private DeviceFunction Make(IDevicePlugin plugin, DeviceRequest request, DeviceHost host, DeviceLog log)
    {
        TimeSpan patience = plugin is IPatientPlugin patient ? PatienceOf(patient, request, log) : default;
        DeviceFunction? function = null;
        string call = nameof(IDevicePlugin.Create);
        bool returned = Plugins.TryRun(
            () =>
            {
                IDevice device = plugin.Create(request, host) ?? throw new DeviceException($"device {request.Id}: {log.Culprit}Create returned null");
                call = device is IPciDevice ? $"{nameof(IPciDevice.Traits)} or {nameof(IPciDevice.Attach)}" : nameof(IVirtioDevice.Traits);
                function = Connect(request.Id, device, host, log);
            },
            () => function?.Dispose(),
            out Exception? thrown,
            patience);
        if (!returned) throw new DeviceException($"device {request.Id}: {log.Culprit}{call} {Plugins.Overdue}; the device is given up");
        if (thrown is null) return function!;
        if (thrown is DeviceException or ConfigException or HypervisorException or LinuxException) ExceptionDispatchInfo.Throw(thrown);
        throw new DeviceException($"device {request.Id}: {log.Culprit}{call} threw {thrown.GetType().Name}", thrown);
    }

    /// <summary>How much longer than others a device may take to be made, because it waits for somebody else.</summary>
    private TimeSpan PatienceOf(IPatientPlugin plugin, DeviceRequest request, DeviceLog log)
    {
        const string Call = nameof(IPatientPlugin.PatienceFor);
        TimeSpan patience = default;
        if (!Plugins.TryRun(() => patience = plugin.PatienceFor(request), null, out Exception? thrown))
            throw new DeviceException($"device {request.Id}: {log.Culprit}{Call} {Plugins.Overdue}; the device is given up");
        if (thrown is not null) throw new DeviceException($"device {request.Id}: {log.Culprit}{Call} threw {thrown.GetType().Name}", thrown);
        return patience < TimeSpan.Zero ? default : patience > s_longestPatience ? s_longestPatience : patience;
    }

    /// <summary>Gives a device its bus side. The device is disposed when there is none.</summary>
    private DeviceFunction Connect(string id, IDevice device, DeviceHost host, DeviceLog log)
    {
        try
        {
            return device switch
            {
                IVirtioDevice virtio => new VirtioPciDevice(id, virtio, _virtio, log),
                IPciDevice pci => new PciDeviceFunction(id, pci, _virtio, log),
                _ => throw new DeviceException(
                    $"device {id}: its plugin made a {device.GetType().Name}, which is no device this host has a bus for"),
            };
        }
        catch
        {
            Discard(device, host, log);
            throw;
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever a plugin throws ends that device only; why it is discarded is told already")]
    private static void Discard(IDevice device, DeviceHost host, DeviceLog log)
    {
        try
        {
            device.Dispose();
            if (host.FindLeakedThreads() is { } leaked) log.Warn($"{log.Culprit}Dispose left threads running ({leaked})");
        }
        catch (Exception e)
        {
            log.Warn($"{log.Culprit}Dispose threw {e.GetType().Name}: {e.Message}");
        }
    }
}
