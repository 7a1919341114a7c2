using Plugvisor.Linux.Files;
using Plugvisor.Linux.Threads;

namespace Plugvisor.Plugins.VirtioFs.Fuse;

/// <summary>
/// For whom a thread acts on the host's files. Where the VMM may change that (root), what a guest makes belongs to the guest's user and group, as with a
/// local filesystem; all else is done as the VMM, since the guest's kernel has checked permissions already. It switches only when it has to:
/// most requests in a row are by one user. The thread's own object; used by that thread only.
/// </summary>
internal sealed class ThreadIdentity
{
    private bool _prepared, _switches, _keepsSetIds;
    private uint _user, _group;

    /// <summary>Whether what a guest makes can belong to its users.</summary>
    public static bool CanSwitch => UserIdentity.Id == 0 && (FileIdentity.Capabilities & FileIdentity.ChangesIds) == FileIdentity.ChangesIds;

    /// <summary>Readies the calling thread, once.</summary>
    public void Prepare()
    {
        if (_prepared) return;
        _prepared = true;
        // Modes come with the guest's umask applied.
        _ = FileIdentity.TryDetachMask();
        _switches = CanSwitch;
        _keepsSetIds = _switches && (FileIdentity.Capabilities & FileIdentity.KeepsSetIdBits) != 0;
    }

    /// <summary>Acts as the VMM.</summary>
    public void Own()
    {
        if ((_user | _group) != 0) Switch(0, 0);
    }

    /// <summary>Acts as a user of the guest, for whom something is made.</summary>
    public void Become(uint user, uint group)
    {
        if (_user != user || _group != group) Switch(user, group);
    }

    /// <summary>
    /// Whether writing keeps bits S_ISUID and S_ISGID of a file. It does for root, so it has to be told when a user of the guest writes who is not.
    /// </summary>
    public void KeepSetIdBits(bool keep)
    {
        if (!_switches || _keepsSetIds == keep) return;
        _keepsSetIds = keep;
        FileIdentity.SetCapabilities(FileIdentity.KeepsSetIdBits, keep);
    }

    private void Switch(uint user, uint group)
    {
        if (!_switches) return;
        KeepSetIdBits(true);
        if (_group != group) FileIdentity.SetGroup(group);
        if (_user != user)
        {
            FileIdentity.SetUser(user);
            // The guest's kernel has decided that this user may, perhaps by a group that the host knows nothing of.
            if (user != 0) FileIdentity.SetCapabilities(FileIdentity.OverridesPermissions, on: true);
        }

        (_user, _group) = (user, group);
    }
}
