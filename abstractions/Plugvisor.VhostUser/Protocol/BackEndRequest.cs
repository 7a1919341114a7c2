namespace Plugvisor.VhostUser.Protocol;

/// <summary>What a back end asks of its front end on the back channel (section "Back-end message types"). Only those that are answered.</summary>
internal enum BackEndRequest : uint
{
    ConfigChange = 2,
}
