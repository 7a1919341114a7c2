using Plugvisor.Plugins.VirtioBlk.Images;

namespace Plugvisor.Plugins.VirtioBlk.Engines;

/// <summary>
/// Puts an engine of its own between a queue and its engine. A service that no host offers: with it tests make disks that fail, stall, or
/// ask for more than theirs.
/// </summary>
internal interface IEngineLayer
{
    /// <summary>The engine to use in place of <paramref name="engine"/>, which it owns from then on. On the queue's thread.</summary>
    BlockEngine Over(BlockEngine engine);

    /// <summary>What the disk is to believe that O_DIRECT asks for.</summary>
    /// <param name="actual">What it does ask for.</param>
    DirectUnits Units(DirectUnits actual) => actual;
}
