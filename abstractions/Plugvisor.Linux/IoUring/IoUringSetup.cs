namespace Plugvisor.Linux.IoUring;

/// <summary>IORING_SETUP_ bits in use, with the kernel that brought them.</summary>
[Flags]
internal enum IoUringSetup : uint
{
    None = 0,

    /// <summary>The completion ring's size is given (5.5).</summary>
    CompletionSize = 1 << 3,

    /// <summary>Too large sizes are cut to the maximum (5.6).</summary>
    Clamp = 1 << 4,

    /// <summary>A bad entry does not stop the ones after it (5.18).</summary>
    SubmitAll = 1 << 7,

    /// <summary>Completions do not interrupt the submitter's user code (5.19).</summary>
    CooperativeTaskRun = 1 << 8,

    /// <summary>The kernel says in the ring's flags that completions wait for a system call (5.19).</summary>
    TaskRunFlag = 1 << 9,

    /// <summary>One thread submits (6.0).</summary>
    SingleIssuer = 1 << 12,

    /// <summary>Completions run only when the thread asks for them (6.1).</summary>
    DeferTaskRun = 1 << 13,
}
