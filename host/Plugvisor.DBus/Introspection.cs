using System.Security;
using System.Text;
using Plugvisor.Api;
using Plugvisor.DBus.Bus;

namespace Plugvisor.DBus;

/// <summary>Introspection documents: D-Bus specification, "Introspection Data Format".</summary>
internal static class Introspection
{
    private const string Head =
        "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n"
        + " \"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n<node>\n";

    // The annotation that GDBus tools read as the documentation of a member.
    private const string DocString = "org.gtk.GDBus.DocString";

    /// <summary>The object itself: a method for each operation that the catalog has on D-Bus.</summary>
    public static string OfObject(ApiCatalog catalog)
    {
        var xml = new StringBuilder(Head, 8192);
        xml.Append("  <interface name=\"").Append(DBusObject.Interface).Append("\">\n");
        foreach (ApiOperation operation in catalog.Operations)
        {
            if (operation.DBusMethod is { } method) AppendMethod(xml, method, operation);
        }

        xml.Append("    <signal name=\"").Append(DBusObject.Event).Append("\">\n      <arg name=\"event\" type=\"s\"/>\n")
            .Append("      <annotation name=\"").Append(DocString).Append("\" value=\"One event of the VMM as JSON\"/>\n    </signal>\n  </interface>\n");
        AppendStandard(xml);
        return End(xml, child: null);
    }

    /// <summary>A path above the object.</summary>
    /// <param name="child">The next part of the path towards it.</param>
    public static string OfParent(string child)
    {
        var xml = new StringBuilder(Head, 512);
        AppendStandard(xml);
        return End(xml, child);
    }

    private static string End(StringBuilder xml, string? child)
    {
        if (child is not null) xml.Append("  <node name=\"").Append(child).Append("\"/>\n");
        return xml.Append("</node>\n").ToString();
    }

    private static void AppendMethod(StringBuilder xml, string method, ApiOperation operation)
    {
        xml.Append("    <method name=\"").Append(method).Append("\">\n");
        if (operation.Body == ApiBody.Required) xml.Append("      <arg name=\"document\" type=\"s\" direction=\"in\"/>\n");
        if (DBusObject.HasResult(operation)) xml.Append("      <arg name=\"result\" type=\"s\" direction=\"out\"/>\n");
        xml.Append("      <annotation name=\"").Append(DocString).Append("\" value=\"").Append(SecurityElement.Escape(operation.Summary))
            .Append("\"/>\n    </method>\n");
    }

    private static void AppendStandard(StringBuilder xml) => xml.Append(
        $$"""
          <interface name="{{StandardNames.Introspectable}}">
            <method name="Introspect">
              <arg name="data" type="s" direction="out"/>
            </method>
          </interface>
          <interface name="{{StandardNames.Peer}}">
            <method name="Ping"/>
            <method name="GetMachineId">
              <arg name="machine_uuid" type="s" direction="out"/>
            </method>
          </interface>
          <interface name="{{StandardNames.Properties}}">
            <method name="Get">
              <arg name="interface" type="s" direction="in"/>
              <arg name="property" type="s" direction="in"/>
              <arg name="value" type="v" direction="out"/>
            </method>
            <method name="GetAll">
              <arg name="interface" type="s" direction="in"/>
              <arg name="properties" type="a{sv}" direction="out"/>
            </method>
            <method name="Set">
              <arg name="interface" type="s" direction="in"/>
              <arg name="property" type="s" direction="in"/>
              <arg name="value" type="v" direction="in"/>
            </method>
            <signal name="PropertiesChanged">
              <arg name="interface" type="s"/>
              <arg name="changed" type="a{sv}"/>
              <arg name="invalidated" type="as"/>
            </signal>
          </interface>

        """);
}
