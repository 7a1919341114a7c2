namespace Examples.Edu;

/// <summary>Something that takes the device a while.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Address">Of a transfer: where in guest memory.</param>
/// <param name="Offset">Of a transfer: where in the buffer; else the number.</param>
/// <param name="Length">Of a transfer: how many bytes.</param>
internal readonly record struct Job(JobKind Kind, ulong Address, uint Offset, uint Length);
