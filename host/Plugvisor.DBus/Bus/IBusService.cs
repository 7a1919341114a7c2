using System.Diagnostics.CodeAnalysis;

namespace Plugvisor.DBus.Bus;

/// <summary>What a connection serves. It calls from the thread of <see cref="IBusConnection.Run"/> or one at a time, and nothing here waits.</summary>
internal interface IBusService
{
    /// <summary>Whether nothing more will be replied or signalled. Asked for after <see cref="IBusConnection.Stop"/>.</summary>
    bool IsDone { get; }

    /// <summary>The name is owned: calls may come.</summary>
    void OnOwned();

    /// <summary>A method call that the library does not answer itself. Calls of one client come in its order.</summary>
    void OnCall(IBusCall call);

    /// <summary>Takes the next signal. A bus that does not read is not asked for, so signals wait with the service.</summary>
    bool TryTakeSignal([NotNullWhen(true)] out BusSignal? signal);
}
