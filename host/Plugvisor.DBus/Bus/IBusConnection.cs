namespace Plugvisor.DBus.Bus;

/// <summary>One connection. It is used once: after <see cref="Run"/> it is over.</summary>
internal interface IBusConnection : IDisposable
{
    /// <summary>Connects, owns the name and serves on the calling thread, until <see cref="Stop"/>.</summary>
    /// <exception cref="BusException">The connection or the name could not be had, or the connection broke; the message says why in words.</exception>
    void Run();

    /// <summary>Any thread, at any time: the service may have something to signal. Returns at once.</summary>
    void Wake();

    /// <summary>Any thread, at any time: <see cref="Run"/> is to return when the service is done and all is sent, after a second at the latest.</summary>
    void Stop();
}
