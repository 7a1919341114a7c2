namespace Plugvisor.Hypervisor;

/// <summary>A hypervisor that the kernel offers. One a process; opened before anything else is set up.</summary>
public interface IHypervisor : IDisposable
{
    /// <summary>Short name for logs, such as <c>kvm</c>.</summary>
    string Name { get; }

    /// <summary>Makes an empty VM: no memory, no vCPU, split interrupt controller (LAPICs in the kernel, IOAPIC outside).</summary>
    /// <exception cref="HypervisorException">The kernel refuses; the message says what and why.</exception>
    IVm CreateVm();
}
