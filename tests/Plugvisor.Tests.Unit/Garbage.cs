namespace Plugvisor.Tests.Unit;

/// <summary>What work allocates on its thread each time that it is done.</summary>
internal static class Garbage
{
    private const int Tries = 10;

    /// <summary>Does the work some times.</summary>
    /// <returns>Bytes that it allocated when that were fewest: the runtime allocates on the same thread too, when it compiles a loop anew while it runs.</returns>
    public static long Of(Action work)
    {
        long least = long.MaxValue;
        for (int i = 0; i < Tries && least > 0; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            work();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
