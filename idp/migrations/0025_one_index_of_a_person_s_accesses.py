import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

INDEX = "idp_accesssession_user_id_7480434f"


class Migration(migrations.Migration):
    """Django would drop the foreign key too, and check every row again while nobody may read or write them."""

    dependencies = [
        ('idp', '0024_workloads'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    f"DROP INDEX IF EXISTS {INDEX}",
                    reverse_sql=f"CREATE INDEX IF NOT EXISTS {INDEX} ON idp_accesssession (user_id)",
                ),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name='accesssession',
                    name='user',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='accesses', to=settings.AUTH_USER_MODEL),
                ),
            ],
        ),
    ]
