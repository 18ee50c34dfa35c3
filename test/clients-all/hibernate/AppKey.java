import java.io.Serializable;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.util.Objects;
import org.hibernate.usertype.UserType;

/** The type of the app's keys, which are Long or UUID here: what the driver gives and takes. */
public final class AppKey implements UserType {
    @Override
    public int[] sqlTypes() {
        return new int[] {Types.OTHER};
    }

    @Override
    public Class<?> returnedClass() {
        return Serializable.class;
    }

    @Override
    public boolean equals(Object a, Object b) {
        return Objects.equals(a, b);
    }

    @Override
    public int hashCode(Object key) {
        return key.hashCode();
    }

    @Override
    public Object nullSafeGet(ResultSet rows, String[] names, Object owner) throws SQLException {
        return rows.getObject(names[0]);
    }

    @Override
    public void nullSafeSet(PreparedStatement statement, Object key, int at) throws SQLException {
        statement.setObject(at, key);
    }

    @Override
    public Object deepCopy(Object key) {
        return key;
    }

    @Override
    public boolean isMutable() {
        return false;
    }

    @Override
    public Serializable disassemble(Object key) {
        return (Serializable) key;
    }

    @Override
    public Object assemble(Serializable key, Object owner) {
        return key;
    }

    @Override
    public Object replace(Object key, Object target, Object owner) {
        return key;
    }
}
