namespace Plugvisor.Plugins.VirtioBlk.Engines;

/// <summary>Operations of an engine.</summary>
internal enum Operation : byte
{
    /// <summary>Into <see cref="Request.Vector"/> from <see cref="Request.Offset"/>.</summary>
    Read,

    /// <summary>From <see cref="Request.Vector"/> to <see cref="Request.Offset"/>; durable where the request says so.</summary>
    Write,

    /// <summary>fdatasync.</summary>
    Sync,

    /// <summary>Frees <see cref="Request.Length"/> bytes at <see cref="Request.Offset"/>.</summary>
    Punch,

    /// <summary>Zeroes <see cref="Request.Length"/> bytes at <see cref="Request.Offset"/> and keeps them allocated.</summary>
    Zero,
}
