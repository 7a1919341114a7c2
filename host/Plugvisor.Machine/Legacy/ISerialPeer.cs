namespace Plugvisor.Machine.Legacy;

/// <summary>What is at the other end of a serial line or debug port. Called on vCPU threads; must not block.</summary>
public interface ISerialPeer
{
    /// <summary>The guest sent a byte.</summary>
    void Transmit(byte value);

    /// <summary>The guest's receiver has room again.</summary>
    void ReceiverReady();
}
